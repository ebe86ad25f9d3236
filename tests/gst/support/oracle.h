// Slow references for whole signals in double: the resampler, and models whose weights follow a
// formula (KNOWN in make_models.py).
#pragma once

#include <cstdint>
#include <vector>

namespace torchstreamer::test {

/// A whole signal, [channels][frames].
using Signal = std::vector<std::vector<double>>;

inline int64_t frames_of(const Signal& signal) { return signal[0].size(); }

/// `count` frames, beginning with frame `first`.
Signal part_of(const Signal& signal, int64_t first, int64_t count);

/// A convolution or transposed convolution of KNOWN.
struct KnownLayer {
  bool is_transposed;
  int channels_in, channels_out, kernel, stride, padding;
};

/// Output of the layers for `x`; empty if the signal is too short.
Signal known_model(const std::vector<KnownLayer>& layers, Signal x);

/// torchaudio.functional.resample() with its defaults (torchaudio 2, _get_sinc_resample_kernel()):
/// output frame j is the sum over the input frames i of x[i] h(i - j source / target).
Signal resampled(const Signal& x, int64_t source_hz, int64_t target_hz);

}  // namespace torchstreamer::test
