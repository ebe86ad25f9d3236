#include <algorithm>
#include <cstring>

#include "native/kernels.h"

namespace torchstreamer::native {
namespace {

// A copy of the input between zeros, where zeros of its own track would not do.
class Pad : public Kernel {
 public:
  Pad(int64_t left_frames, int64_t samples) : left_frames_(left_frames), samples_(samples) {}

  int64_t needs_from(int, int64_t first) const override {
    return std::max<int64_t>(0, first - left_frames_);
  }

  void run(const Frames* in, const Step& step, float* y, Memory*) const override {
    for (int64_t f = step.first; f < step.first + step.frames; ++f, y += samples_) {
      const int64_t at = f - left_frames_;
      if (at >= 0 && at < in[0].count())
        std::memcpy(y, in[0].at(at), samples_ * sizeof(float));
      else
        std::memset(y, 0, samples_ * sizeof(float));
    }
  }

 private:
  int64_t left_frames_, samples_;
};

}  // namespace

KernelPtr pad(const ZeroPadding& padding, int64_t samples) {
  return std::make_unique<Pad>(padding.left_frames, samples);
}

}  // namespace torchstreamer::native
