// Arguments of the resampler.
#pragma once

#include <cstdint>
#include <string>

namespace torchstreamer::audio {

/// Arguments of torchaudio.functional.resample, with the names and default values of torchaudio 2.
struct ResampleOptions {
  /// "sinc_interp_hann" or "sinc_interp_kaiser".
  std::string resampling_method = "sinc_interp_hann";
  /// Number of zero crossings of the sinc on either side, at least 1. More give a steeper and
  /// slower filter.
  int lowpass_filter_width = 6;
  /// Cut-off frequency as a fraction of the lower Nyquist frequency, in (0, 1].
  double rolloff = 0.99;
  /// Shape of the Kaiser window, in [-88, 88].
  double beta = 14.769656459379492;
};
bool operator==(const ResampleOptions& a, const ResampleOptions& b);

/// Returns true if the window is a Kaiser window, false for a Hann window.
bool is_kaiser(const ResampleOptions& options);

/// Throws Error if the rates, in Hz, or the options are invalid.
void check_conversion(int64_t source_hz, int64_t target_hz, const ResampleOptions& options);

}  // namespace torchstreamer::audio
