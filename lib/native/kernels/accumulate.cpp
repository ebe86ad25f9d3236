#include <cfloat>
#include <cmath>
#include <utility>
#include <vector>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"

namespace torchstreamer::native {
namespace {

class Accumulate : public Kernel {
 public:
  explicit Accumulate(int64_t samples) : samples_(samples) {}

  void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const override {
    auto* own = static_cast<Sums*>(state);
    double* sums = own->samples.data();
    for (int64_t f = step.first; f < step.first + step.frames; ++f, y += samples_) {
      const float* x = in[0].at(f);
      bool is_finite = true;
      for (int64_t i = 0; i < samples_; ++i) {
        y[i] = static_cast<float>(sums[i] += x[i]);
        is_finite &= std::abs(sums[i]) <= DBL_MAX;
      }
      if (!is_finite) own->reset_not_finite();
    }
  }

  std::unique_ptr<KernelState> start() const override { return std::make_unique<Sums>(samples_); }

 private:
  struct Sums : KernelState {
    explicit Sums(int64_t count) : samples(count) {}
    std::vector<double> samples;
    int64_t resets = 0;
    // Resets sums that are not finite, because they would never become finite again.
    void reset_not_finite() {
      ++resets;
      for (double& sum : samples)
        if (!std::isfinite(sum)) sum = 0;
    }
    int64_t recoveries() const override { return resets; }
    int64_t bytes() const override { return static_cast<int64_t>(samples.size() * sizeof(double)); }
  };

  int64_t samples_;
};

// Writes the sum of a constant step in closed form.
class RampKernel : public Kernel {
 public:
  explicit RampKernel(Ramp ramp) : ramp_(std::move(ramp)) {}

  void run(const FrameReader*, const Step& step, float* y, KernelState*) const override {
    const size_t samples = ramp_.start.size();
    for (int64_t f = step.first; f < step.first + step.frames; ++f, y += samples)
      for (size_t i = 0; i < samples; ++i)
        y[i] = static_cast<float>(ramp_.start[i] + static_cast<double>(f) * ramp_.step[i]);
  }

 private:
  Ramp ramp_;
};

}  // namespace

KernelPtr make_kernel(const CumulativeSum&, const KernelSite& site) {
  return std::make_unique<Accumulate>(floats_of(site.out));
}

KernelPtr make_kernel(const Ramp& ramp, const KernelSite&) {
  return std::make_unique<RampKernel>(ramp);
}

}  // namespace torchstreamer::native
