#include <algorithm>
#include <cstring>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"
#include "torchstreamer/error.h"

namespace torchstreamer::native {
namespace {

// Copies the input and adds frames before and after it: frames of the input, constants, or zeros if
// a view with the zeros of the input's buffer is impossible.
class Pad : public Kernel {
 public:
  Pad(const Padding1d& padding, int64_t samples)
      : mode_(padding.mode),
        left_frames_(padding.left_frames),
        // Number of frames that the padding after the end may repeat.
        kept_frames_(padding.mode == PadMode::kReflect     ? padding.most_right_frames + 1
                     : padding.mode == PadMode::kReplicate ? 1
                                                           : 0),
        samples_(samples),
        before_(floats_in(padding.before)),
        after_(floats_in(padding.after)) {}

  int64_t needs_from(int, int64_t first) const override {
    return std::max<int64_t>(0, first - left_frames_ - kept_frames_);
  }

  void run(const FrameReader* in, const Step& step, float* y, KernelState*) const override {
    const int64_t signal = in[0].count();
    for (int64_t f = step.first; f < step.first + step.frames; ++f, y += samples_) {
      const int64_t at = f - left_frames_;
      if (at >= 0 && at < signal)
        std::memcpy(y, in[0].at(at), samples_ * sizeof(float));
      else if (mode_ != PadMode::kConstant)
        std::memcpy(y, in[0].at(repeated(at, signal)), samples_ * sizeof(float));
      else
        write_constant(at < 0 ? before_ : after_, at < 0 ? f : at - signal, y);
    }
  }

 private:
  // Returns the index of the frame that is repeated at index `at`, which is outside of the signal.
  int64_t repeated(int64_t at, int64_t signal) const {
    if (mode_ == PadMode::kReplicate) return at < 0 ? 0 : signal - 1;
    const int64_t frame = at < 0 ? -at : 2 * (signal - 1) - at;
    if (frame < 0 || frame >= signal) throw Error("the signal is too short to be reflected");
    return frame;
  }

  void write_constant(const AlignedFloats& frames, int64_t frame, float* y) const {
    if (frames.empty())
      std::memset(y, 0, samples_ * sizeof(float));
    else
      std::memcpy(y, frames.data() + frame * samples_, samples_ * sizeof(float));
  }

  PadMode mode_;
  int64_t left_frames_, kept_frames_, samples_;
  AlignedFloats before_, after_;
};

}  // namespace

KernelPtr make_kernel(const Padding1d& padding, const KernelSite& site) {
  return std::make_unique<Pad>(padding, floats_of(site.out));
}

}  // namespace torchstreamer::native
