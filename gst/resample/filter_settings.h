// The properties of tsresample that choose its filter.
#pragma once

#include <gst/audio/audio.h>
#include <gst/gst.h>

#include <optional>

#include "audio/resample_options.h"

namespace torchstreamer {

/// Values of the properties. Without a value, the argument of torchaudio has its default.
///
/// The properties of audioresample choose the filter only if `quality` or `resample_method` has a
/// value. Its filter is then expressed by torchaudio's arguments:
///
///   kaiser            Kaiser window with the attenuation, transition bandwidth and cut-off
///                     frequency of the quality, by Kaiser's formulas (J. F. Kaiser, "Nonrecursive
///                     digital filter design using the I0-sinh window function", 1974)
///   blackman-nuttall  Kaiser window of the same main lobe, length and cut-off frequency
///   cubic             Hann window over four input frames
///   linear, nearest   Hann window over two input frames
///
/// torchaudio's arguments win over it. The other properties of audioresample choose between memory
/// and accuracy of its coefficients. They have no effect, because those of tsresample are accurate.
struct FilterSettings {
  std::optional<gint> method;  // value of GstTsResampleMethod
  std::optional<gint> width;
  std::optional<gdouble> rolloff, beta;

  std::optional<gint> quality;
  std::optional<gint> resample_method;  // value of GstAudioResamplerMethod
  gint filter_mode = GST_AUDIO_RESAMPLER_FILTER_MODE_AUTO;
  guint auto_threshold_bytes = 1048576;
  gint interpolation = GST_AUDIO_RESAMPLER_FILTER_INTERPOLATION_CUBIC;

  /// Arguments of torchaudio between two rates, in Hz.
  audio::ResampleOptions options(gint source_hz, gint target_hz) const;
  /// Returns true if both have the same options between any two rates.
  bool is_same_filter(const FilterSettings& other) const;
};

/// Adds the properties to a class.
void install_filter_properties(GObjectClass* klass);

/// Sets property `id`. Returns false if no property has this id.
bool set_filter_property(FilterSettings* settings, guint id, const GValue* value);

/// Reads property `id`. Returns false if no property has this id.
bool get_filter_property(const FilterSettings& settings, guint id, GValue* value);

}  // namespace torchstreamer
