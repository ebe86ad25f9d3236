// Signals of several channels, and the outputs of the model "outputs".
#pragma once

#include "gst/support/model_rig.h"

namespace torchstreamer::test {

/// Interleaves `signals`, which have the same length: [channels][frames] -> [frames, channels].
inline Bytes interleaved(const std::vector<std::vector<float>>& signals) {
  std::vector<float> frames;
  for (size_t t = 0; t < signals[0].size(); ++t)
    for (const auto& signal : signals) frames.push_back(signal[t]);
  return bytes_of(frames);
}

inline std::vector<float> noise(int64_t frames, unsigned seed) {
  return floats(make_noise(make_info(audio(1)), frames, seed));
}

/// The first three outputs of the model "outputs". Its forward() returns, with y = 2 x,
///
///     y, (the means of pairs of frames of y, the channels [y, -y]), y - mean(y)
///
/// and the last output needs the whole signal.
inline std::vector<Bytes> expected_outputs(const std::vector<float>& x) {
  std::vector<float> y, pairs, negative;
  for (size_t t = 0; t < x.size(); ++t) {
    y.push_back(2 * x[t]);
    negative.push_back(-2 * x[t]);
    if (t % 2 == 1) pairs.push_back(x[t - 1] + x[t]);
  }
  return {bytes_of(y), bytes_of(pairs), interleaved({y, negative})};
}

}  // namespace torchstreamer::test
