#include <cfloat>
#include <cmath>

#include "native/kernels/kernels.h"

namespace torchstreamer::native {
namespace {

class Accumulate : public Kernel {
 public:
  explicit Accumulate(int64_t samples) : samples_(samples) {}

  void run(const Frames* in, const Step& step, float* y, Memory* memory) const override {
    auto* own = static_cast<Sums*>(memory);
    double* sums = own->samples.data();
    for (int64_t f = step.first; f < step.first + step.frames; ++f, y += samples_) {
      const float* x = in[0].at(f);
      bool is_finite = true;
      for (int64_t i = 0; i < samples_; ++i) {
        y[i] = static_cast<float>(sums[i] += x[i]);
        is_finite &= std::abs(sums[i]) <= DBL_MAX;
      }
      if (!is_finite) own->begin_anew();
    }
  }

  std::unique_ptr<Memory> start() const override { return std::make_unique<Sums>(samples_); }

 private:
  struct Sums : Memory {
    explicit Sums(int64_t count) : samples(count) {}
    std::vector<double> samples;
    int64_t times_anew = 0;
    // What is not finite stays so: it becomes what it was initially.
    void begin_anew() {
      ++times_anew;
      for (double& sum : samples)
        if (!std::isfinite(sum)) sum = 0;
    }
    int64_t recoveries() const override { return times_anew; }
    int64_t bytes() const override { return static_cast<int64_t>(samples.size() * sizeof(double)); }
  };

  int64_t samples_;
};

}  // namespace

KernelPtr accumulate(int64_t samples) { return std::make_unique<Accumulate>(samples); }

}  // namespace torchstreamer::native
