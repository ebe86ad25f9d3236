#include <algorithm>
#include <cstring>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"

namespace torchstreamer::native {
namespace {

class Interpolate : public Kernel {
 public:
  Interpolate(Interpolation interpolation, int64_t samples)
      : interpolation_(std::move(interpolation)), samples_(samples) {}

  // Needs one more frame, because rounding may give a position after the last frame, which is then
  // repeated.
  int64_t needs_from(int, int64_t first) const override {
    return std::max<int64_t>(0, interpolation_.source(first).first - 1);
  }

  void run(const FrameReader* in, const Step& step, float* y, KernelState*) const override {
    const int64_t last = in[0].count() - 1;
    const bool is_copy = step.final && last < interpolation_.copied_frames;
    for (int64_t f = step.first; f < step.first + step.frames; ++f, y += samples_) {
      const auto [first, weight] = is_copy ? Interpolation::Source{f, 0} : interpolation_.source(f);
      const float* x = in[0].at(std::min(first, last));
      if (is_copy || !interpolation_.is_linear)
        std::memcpy(y, x, samples_ * sizeof(float));
      else
        mix(x, in[0].at(std::min(first + 1, last)), static_cast<float>(weight), y);
    }
  }

 private:
  void mix(const float* a, const float* b, float weight, float* y) const {
    for (int64_t i = 0; i < samples_; ++i) y[i] = a[i] * (1 - weight) + b[i] * weight;
  }

  Interpolation interpolation_;
  int64_t samples_;
};

}  // namespace

KernelPtr make_kernel(const Interpolation& interpolation, const KernelSite& site) {
  return std::make_unique<Interpolate>(interpolation, floats_of(site.out));
}

}  // namespace torchstreamer::native
