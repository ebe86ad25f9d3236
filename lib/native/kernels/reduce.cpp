#include <algorithm>
#include <cmath>

#include "native/kernels/table.h"
#include "native/simd/elementwise.h"
#include "native/simd/memory.h"

namespace torchstreamer::native {
namespace {

// Copies the samples along the axis to a contiguous line and reduces the line. Sums are computed in
// double.
class Reduce : public Kernel {
 public:
  explicit Reduce(const Reduction& reduction) : r_(reduction) {}

  void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const override {
    float* line = static_cast<Line*>(state)->samples.data();
    const int64_t samples_out = is_reduced() ? 1 : r_.size;
    for (int64_t f = step.first; f < step.first + step.frames; ++f)
      for (int64_t o = 0; o < r_.outer; ++o, y += samples_out * r_.inner)
        for (int64_t i = 0; i < r_.inner; ++i) {
          const float* x = in[0].at(f) + o * r_.size * r_.inner + i;
          for (int64_t n = 0; n < r_.size; ++n) line[n] = x[n * r_.inner];
          reduce(line);
          for (int64_t n = 0; n < samples_out; ++n) y[n * r_.inner + i] = line[n];
        }
  }

  std::unique_ptr<KernelState> start() const override { return std::make_unique<Line>(r_.size); }

 private:
  struct Line : KernelState {
    explicit Line(int64_t size) : samples(size) {}
    AlignedFloats samples;
    int64_t bytes() const override { return static_cast<int64_t>(samples.size() * sizeof(float)); }
  };

  bool is_reduced() const {
    return r_.kind != Reduction::kSoftmax && r_.kind != Reduction::kLogSoftmax &&
           r_.kind != Reduction::kNormalised;
  }

  // Replaces the line by the result, which is all samples, or the first sample of a reduction.
  void reduce(float* x) const {
    switch (r_.kind) {
      case Reduction::kSum:
        x[0] = static_cast<float>(sum(x) * r_.factor);
        return;
      case Reduction::kMaximum:
        x[0] = maximum(x);
        return;
      case Reduction::kVariance:
        x[0] = static_cast<float>(variance(x));
        return;
      case Reduction::kDeviation:
        x[0] = static_cast<float>(std::sqrt(variance(x)));
        return;
      case Reduction::kSoftmax:
        return softmax(x);
      case Reduction::kLogSoftmax:
        return log_softmax(x);
      case Reduction::kNormalised:
        return normalise(x);
    }
  }

  double sum(const float* x) const {
    double sum = 0;
    for (int64_t n = 0; n < r_.size; ++n) sum += x[n];
    return sum;
  }
  double mean(const float* x) const { return sum(x) / static_cast<double>(r_.size); }
  double squares(const float* x, double mean) const {
    double sum = 0;
    for (int64_t n = 0; n < r_.size; ++n) sum += (x[n] - mean) * (x[n] - mean);
    return sum;
  }
  double variance(const float* x) const {
    return squares(x, mean(x)) / (static_cast<double>(r_.size) - r_.p);
  }
  // Returns the maximum. NaN is greater than all numbers.
  float maximum(const float* x) const {
    float maximum = x[0];
    for (int64_t n = 1; n < r_.size && !std::isnan(maximum); ++n)
      if (!(x[n] <= maximum)) maximum = x[n];
    return maximum;
  }

  void softmax(float* x) const {
    const float largest = maximum(x);
    for (int64_t n = 0; n < r_.size; ++n) x[n] -= largest;
    elementwise({Function::kExp, 0, 0, {x, r_.size}, {}, x, r_.size, 1, r_.size});
    const double all = sum(x);
    for (int64_t n = 0; n < r_.size; ++n) x[n] = static_cast<float>(x[n] / all);
  }

  void log_softmax(float* x) const {
    const double largest = maximum(x);
    double all = 0;
    for (int64_t n = 0; n < r_.size; ++n) all += std::exp(x[n] - largest);
    for (int64_t n = 0; n < r_.size; ++n) x[n] = static_cast<float>(x[n] - largest - std::log(all));
  }

  void normalise(float* x) const {
    const double mean_of_x = mean(x);
    const double scale = 1 / std::sqrt(squares(x, mean_of_x) / static_cast<double>(r_.size) + r_.p);
    for (int64_t n = 0; n < r_.size; ++n) x[n] = static_cast<float>((x[n] - mean_of_x) * scale);
  }

  Reduction r_;
};

}  // namespace

KernelPtr make_kernel(const Reduction& reduction, const KernelSite&) {
  return std::make_unique<Reduce>(reduction);
}

}  // namespace torchstreamer::native
