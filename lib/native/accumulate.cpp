#include "native/kernels.h"

namespace torchstreamer::native {
namespace {

class Accumulate : public Kernel {
 public:
  explicit Accumulate(int64_t samples) : samples_(samples) {}

  void run(const Frames* in, const Step& step, float* y, Memory* memory) const override {
    double* sums = static_cast<Sums*>(memory)->samples.data();
    for (int64_t f = step.first; f < step.first + step.frames; ++f, y += samples_) {
      const float* x = in[0].at(f);
      for (int64_t i = 0; i < samples_; ++i) y[i] = static_cast<float>(sums[i] += x[i]);
    }
  }

  std::unique_ptr<Memory> start() const override { return std::make_unique<Sums>(samples_); }

 private:
  struct Sums : Memory {
    explicit Sums(int64_t count) : samples(count) {}
    std::vector<double> samples;
    int64_t bytes() const override { return static_cast<int64_t>(samples.size() * sizeof(double)); }
  };

  int64_t samples_;
};

}  // namespace

KernelPtr accumulate(int64_t samples) { return std::make_unique<Accumulate>(samples); }

}  // namespace torchstreamer::native
