// Helpers of the tests of kernels: slow sums in double, and guard samples around the memory of a
// kernel, which must not change.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "lib/support/processor.h"
#include "lib/support/streaming.h"
#include "native/kernels/table.h"
#include "native/simd/convolution.h"

namespace torchstreamer::testing {

using namespace native;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kUntouched = 12345.5f;
constexpr int64_t kMargin = 70;  // more than four of the widest vectors

inline std::vector<float> noise(int64_t count, float scale = 1) {
  const Tensor x = at::randn({count}) * scale;
  return {x.data_ptr<float>(), x.data_ptr<float>() + count};
}

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Rows of `columns` samples, with guard samples of the value `around` between and around them.
class Matrix {
 public:
  Matrix(int64_t rows, int64_t columns, int64_t pitch, float around)
      : columns_(columns), pitch_(pitch), floats_(rows * pitch + 2 * kMargin, around) {
    for (int64_t row = 0; row < rows; ++row) {
      const auto samples = noise(columns);
      std::copy(samples.begin(), samples.end(), this->row(row));
    }
  }

  float* row(int64_t row) { return floats_.data() + kMargin + row * pitch_; }
  float& at(int64_t row, int64_t column) { return this->row(row)[column]; }
  int64_t pitch() const { return pitch_; }

  void expect_untouched_around() const {
    for (int64_t i = 0; i < static_cast<int64_t>(floats_.size()); ++i) {
      const int64_t at = i - kMargin, end = static_cast<int64_t>(floats_.size()) - 2 * kMargin;
      const bool is_row = at >= 0 && at < end && at % pitch_ < columns_;
      ASSERT_TRUE(is_row || floats_[i] == kUntouched) << "float " << at << " was written";
    }
  }

  /// Compares the guard samples, too.
  friend bool operator==(const Matrix& a, const Matrix& b) {
    return a.floats_.size() == b.floats_.size() &&
           std::memcmp(a.floats_.data(), b.floats_.data(), a.floats_.size() * sizeof(float)) == 0;
  }

 private:
  int64_t columns_, pitch_;
  std::vector<float> floats_;
};

inline bool have_equal_bits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

/// An exact sum, and the sum of the magnitudes, to which rounding errors are relative.
struct Sum {
  double value = 0, magnitude = 0;
  void add(double term) {
    value += term;
    magnitude += std::abs(term);
  }
};

/// Runs `work(first, count)` for consecutive parts of `frames` frames.
template <class Work>
void in_parts(Random& random, int64_t frames, const Work& work) {
  for (int64_t at = 0, some; at < frames; at += some) {
    some = std::min(frames - at, random.between(1, 9));
    work(at, some);
  }
}

/// Runs `work` for many seeds on each instruction set that the processor supports. Failures print
/// both.
template <class Work>
void for_seeds(unsigned cases, const Work& work) {
  for (int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    SCOPED_TRACE(hwy::TargetName(targets & -targets));
    pretend_processor(targets);
    for (unsigned i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << base_seed() + i);
      Random random(base_seed() + i);
      work(random);
    }
    pretend_processor(0);
  }
}

inline int64_t random_groups(Random& random) {
  return random.flip() ? 1 : random.pick<int64_t>({1, 2, 3, 5, 8});
}

}  // namespace torchstreamer::testing
