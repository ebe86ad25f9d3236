#include <algorithm>
#include <cstring>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"
#include "native/simd/elementwise.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::native {
namespace {

// Combines one tap of all complete windows at a time. Windows that extend past the end are computed
// one by one.
class Pool : public Kernel {
 public:
  Pool(const Pool1d& pool, int64_t samples) : pool_(pool), samples_(samples) {}

  int64_t needs_from(int, int64_t first) const override { return first * pool_.stride_frames; }

  void run(const FrameReader* in, const Step& step, float* y, KernelState*) const override {
    const int64_t end = step.first + step.frames, signal = in[0].count();
    const int64_t reach = span_frames(pool_.kernel_frames, pool_.dilation_frames);
    const int64_t whole =
        std::clamp(floor_div(signal - reach, pool_.stride_frames) + 1, step.first, end);
    combine(in[0], step.first, whole - step.first, pool_.kernel_frames, y);
    for (int64_t w = whole; w < end; ++w) {
      const int64_t left = ceil_div(signal - w * pool_.stride_frames, pool_.dilation_frames);
      combine(in[0], w, 1, std::min(left, pool_.kernel_frames), y + (w - step.first) * samples_);
    }
    if (pool_.kind == Pool1d::Kind::kMax) return;
    for (int64_t w = step.first; w < end; ++w, y += samples_) {
      const auto frames = static_cast<float>(averaged_frames(w, step.final ? signal : INT64_MAX));
      for (int64_t i = 0; i < samples_; ++i) y[i] /= frames;
    }
  }

 private:
  void combine(const FrameReader& in, int64_t first, int64_t windows, int64_t taps,
               float* y) const {
    if (windows == 0) return;
    const int64_t pitch = in.pitch() * pool_.stride_frames;
    const float* x = in.at(first * pool_.stride_frames);
    for (int64_t w = 0; w < windows; ++w)
      std::memcpy(y + w * samples_, x + w * pitch, samples_ * sizeof(float));
    const bool is_max = pool_.kind == Pool1d::Kind::kMax;
    for (int64_t tap = 1; tap < taps; ++tap)
      elementwise({is_max ? Function::kMaximum : Function::kAdd,
                   1,
                   0,
                   {y, samples_},
                   {x + tap * pool_.dilation_frames * in.pitch(), pitch},
                   y,
                   samples_,
                   windows,
                   samples_});
  }

  // Returns the divisor of the average of a window. `end`: end of the signal with its padding.
  int64_t averaged_frames(int64_t window, int64_t end) const {
    const int64_t pad = pool_.padding_frames, first = window * pool_.stride_frames;
    const int64_t last = std::min(first + pool_.kernel_frames, end);
    if (pool_.count_include_pad) return last - first;
    return std::min(last, end - pad) - std::max(first, pad);
  }

  Pool1d pool_;
  int64_t samples_;
};

}  // namespace

KernelPtr make_kernel(const Pool1d& pool, const KernelSite& site) {
  return std::make_unique<Pool>(pool, floats_of(site.out));
}

}  // namespace torchstreamer::native
