// Discrete Fourier transforms, compared with sums in long double.
#include "native/simd/fourier.h"

#include <algorithm>
#include <cmath>
#include <complex>

#include "lib/native/kernels/kernel_cases.h"

namespace torchstreamer::testing {
namespace {

using native::Complex;
using native::RealFourier;

// Relative to the largest value.
constexpr double kTolerance = 1e-14;

std::vector<double> signal_of(int64_t size) {
  const auto values = noise(size, /*scale=*/1);
  return {values.begin(), values.end()};
}

std::complex<double> sum_at(const std::vector<double>& signal, int64_t k) {
  const auto size = static_cast<int64_t>(signal.size());
  std::complex<long double> sum = 0;
  for (int64_t n = 0; n < size; ++n)
    sum += std::polar<long double>(1, -2 * std::acos(-1.0L) * (k * n % size) / size) *
           static_cast<long double>(signal[n]);
  return {static_cast<double>(sum.real()), static_cast<double>(sum.imag())};
}

// All small sizes, smooth ones, large primes and their multiples, and sizes of models.
std::vector<int64_t> sizes() {
  std::vector<int64_t> sizes = {211,  320,  441,  509,  512,  960, 1000,
                                1018, 1024, 1031, 1527, 2053, 2310};
  for (int64_t size = 1; size <= 130; ++size) sizes.push_back(size);
  return sizes;
}

/// A signal and its spectrum.
struct Transformed {
  explicit Transformed(int64_t size)
      : transform(size),
        signal(signal_of(size)),
        spectrum(transform.frequencies()),
        work(transform.work_values()) {
    transform.forward(signal.data(), spectrum.data(), work.data());
  }

  RealFourier transform;
  std::vector<double> signal;
  std::vector<Complex> spectrum, work;
};

TEST(Fourier, ForwardEqualsTheSum) {
  for (const int64_t size : sizes()) {
    SCOPED_TRACE(size);
    const auto [transform, signal, spectrum, work] = Transformed(size);
    ASSERT_EQ(transform.frequencies(), size / 2 + 1);
    for (int64_t k = 0; k < transform.frequencies(); ++k) {
      const auto sum = sum_at(signal, k);
      EXPECT_NEAR(spectrum[k].re, sum.real(), kTolerance * static_cast<double>(size));
      EXPECT_NEAR(spectrum[k].im, sum.imag(), kTolerance * static_cast<double>(size));
    }
  }
}

TEST(Fourier, InverseReturnsTheSignal) {
  for (const int64_t size : sizes()) {
    SCOPED_TRACE(size);
    auto [transform, signal, spectrum, work] = Transformed(size);
    spectrum[0].im = 3;  // ignored
    if (size % 2 == 0) spectrum[size / 2].im = 4;
    std::vector<double> inverse(size);
    transform.inverse(spectrum.data(), inverse.data(), work.data());
    for (int64_t n = 0; n < size; ++n)
      EXPECT_NEAR(inverse[n] / static_cast<double>(size), signal[n], kTolerance);
  }
}

}  // namespace
}  // namespace torchstreamer::testing
