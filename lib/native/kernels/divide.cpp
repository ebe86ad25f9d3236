#include <cmath>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"
#include "torchstreamer/error.h"

namespace torchstreamer::native {
namespace {

class DivideByLast : public Kernel {
 public:
  explicit DivideByLast(int64_t samples) : samples_(samples) {}

  void run(const FrameReader* in, const Step& step, float* y, KernelState*) const override {
    for (int64_t f = step.first; f < step.first + step.frames; ++f, y += samples_) {
      const float* x = in[0].at(f);
      if (std::abs(x[samples_]) < DividedByLast::kLeast) throw Error(DividedByLast::kIsZero);
      for (int64_t i = 0; i < samples_; ++i) y[i] = x[i] / x[samples_];
    }
  }

 private:
  int64_t samples_;
};

}  // namespace

KernelPtr make_kernel(const DividedByLast&, const KernelSite& site) {
  return std::make_unique<DivideByLast>(floats_of(site.out));
}

}  // namespace torchstreamer::native
