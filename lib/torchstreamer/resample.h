/// @file
/// Sample rate conversion as a stream.
#pragma once

#include <string>

#include "torchstreamer/stream.h"

/// Streams for audio signals.
namespace torchstreamer::audio {

/// Resamples like torchaudio.functional.resample; the outputs are equal within float rounding. T
/// input frames give `ceil(target_fs * T / source_fs)` output frames. Memory is bounded for all
/// rates. The look-ahead is half the width of the filter. If the rates are equal, the input is
/// copied.
///
/// Takes float32 or float64 frames on the CPU, `[C, T]` or `[T]`.
///
/// Source: torchaudio.functional.resample; J. O. Smith, "Digital Audio Resampling Home Page",
/// https://ccrma.stanford.edu/~jos/resample/.
class TORCHSTREAMER_API ResampleStream : public LayerStream {
 public:
  /// `source_fs`, `target_fs`: rates in Hz. Divided by their greatest common divisor, they are at
  /// most 2^20.
  /// `resampling_method`: window of the filter, "sinc_interp_hann" or "sinc_interp_kaiser".
  /// `lowpass_filter_width`: zero crossings of the sinc on either side, 1 to 65536.
  /// `rolloff`: cut-off frequency as a fraction of the lower Nyquist frequency, in (0, 1].
  /// `beta`: shape of the Kaiser window, |beta| <= 88; not used by the Hann window.
  /// Throws Error for other values.
  ResampleStream(int64_t source_fs, int64_t target_fs,
                 const std::string& resampling_method = "sinc_interp_hann",
                 int lowpass_filter_width = 6, double rolloff = 0.99,
                 double beta = 14.769656459379492);

 private:
  bool takes_rank_1() const override { return true; }
};

}  // namespace torchstreamer::audio
