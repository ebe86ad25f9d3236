// Sample rate conversion as a stream.
#pragma once

#include <string>

#include "torchstreamer/stream.h"

namespace torchstreamer::audio {

/// Resamples like torchaudio.functional.resample: `ceil(target_fs * T / source_fs)` frames for T,
/// always; bounded memory for all rates; no delay beyond the filter's half width. Equal rates pass
/// through. float32 or float64 frames on the CPU, `[T]` or `[C, T]`.
///
/// `resampling_method`: "sinc_interp_hann" or "sinc_interp_kaiser" (then `beta` shapes the window).
/// `lowpass_filter_width` > 0: zero crossings at either side. `rolloff` in (0, 1]: the cut-off as a
/// fraction of the lower Nyquist frequency. Throws Error for anything else, and beyond generous
/// bounds: rates of up to 2^20 without their common divisor, a width of up to 65536, |beta| <= 88.
/// Source: torchaudio.functional.resample; J. O. Smith, "Digital Audio Resampling Home Page".
class TORCHSTREAMER_API ResampleStream : public LayerStream {
 public:
  ResampleStream(int64_t source_fs, int64_t target_fs,
                 const std::string& resampling_method = "sinc_interp_hann",
                 int lowpass_filter_width = 6, double rolloff = 0.99,
                 double beta = 14.769656459379492);

 private:
  bool takes_rank_1() const override { return true; }
};

}  // namespace torchstreamer::audio
