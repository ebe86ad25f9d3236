// The model "knob" of tests/data/loop_models.py and its output, computed here.
#pragma once

#include <string>
#include <vector>

#include "loops.h"

namespace torchstreamer::test {

inline GstAudioInfo loop_info() { return make_info(audio(1, kLoopHz)); }

inline std::vector<float> noise(int64_t frames, unsigned seed) {
  return floats(make_noise(loop_info(), frames, seed));
}

/// The outputs of the model "knob" for the next blocks of 100 frames of a signal.
class Knob {
 public:
  std::vector<float> next(const std::vector<float>& x, float gain, bool invert = false) {
    std::vector<float> y;
    for (size_t begin = 0; begin < x.size(); begin += 100) {
      float mean = 0;
      for (size_t i = begin; i < begin + 100; ++i) {
        const float value = gain * x[i] + before_;
        y.push_back(invert ? -value : value);
        mean += x[i] / 100;
      }
      before_ = mean;
    }
    return y;
  }

 private:
  float before_ = 0;
};

/// A running "knob".
struct Running {
  explicit Running(const Settings& more = {})
      : rig("tsmodel", settings_of(kKnob, more)), listener(rig.element) {
    rig.start(audio(1, kLoopHz));
    rig.take();
  }

  /// Pushes `x` and returns the output for it, of whole blocks.
  std::vector<float> process(const std::vector<float>& x) {
    rig.push(make_buffer(loop_info(), bytes_of(x), kLoopStart + loop_time(frames)));
    frames += x.size();
    return floats(rig.take_frames());
  }

  std::string warning() { return first_text(rig.take_errors(GST_MESSAGE_WARNING)); }

  ElementRig rig;
  Listener listener;
  int64_t frames = 0;
};

inline void expect_same(const std::vector<float>& actual, const std::vector<float>& expected) {
  expect_close(bytes_of(actual), bytes_of(expected));
}

}  // namespace torchstreamer::test
