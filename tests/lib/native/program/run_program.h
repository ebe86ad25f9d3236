// Runs compiled networks without engines.
#pragma once

#include <cstring>
#include <vector>

#include "lib/support/model_files.h"

namespace torchstreamer::testing {

/// The first length from `frames` on for which the plan holds: no offline run at the end.
inline int64_t held_length(const LoadedModel& model, int64_t frames) {
  while (!model.holds_for(frames)) ++frames;
  return frames;
}

/// Output of the compiled network for time-major frames, pushed as an engine does.
inline std::vector<float> run_program(const native::Program& program, const Timing& timing,
                                      const Tensor& x, const std::vector<int64_t>& chunks) {
  const int64_t channels = program.channels_in(), samples = program.output().samples;
  std::vector<float> y(timing.frames_out(x.size(0), true) * samples + 1);
  const auto state = program.start();
  int64_t in = 0, out = 0;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const bool final = i + 1 == chunks.size();
    const int64_t total = in + chunks[i];
    const int64_t due = timing.frames_out(total, final) - out;
    state->push_frames(x.data_ptr<float>() + in * channels, chunks[i], channels,
                       {final, out, due, {total, total, total}}, y.data() + out * samples);
    in = total;
    out += due;
  }
  return y;
}

inline bool have_equal_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace torchstreamer::testing
