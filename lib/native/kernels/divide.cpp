#include <cmath>

#include "native/kernels/kernels.h"
#include "torchstreamer/error.h"

namespace torchstreamer::native {
namespace {

class DivideByLast : public Kernel {
 public:
  explicit DivideByLast(int64_t samples) : samples_(samples) {}

  void run(const Frames* in, const Step& step, float* y, Memory*) const override {
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

KernelPtr divide_by_last(int64_t samples) { return std::make_unique<DivideByLast>(samples); }

}  // namespace torchstreamer::native
