#include "native/simd/fourier.h"

#include <algorithm>

namespace torchstreamer::native {
namespace {

int64_t points_of(int64_t size) { return size % 2 == 0 ? size / 2 : size; }

// Odd sizes: the other outputs, and the other inputs of the inverse, belong to negative
// frequencies and follow from these.
int64_t few_of(int64_t size) { return size % 2 == 0 ? size / 2 : size / 2 + 1; }

std::variant<Stockham, Bluestein> fastest(int64_t size) {
  const int64_t points = points_of(size), few = few_of(size);
  if (Bluestein::operations(points, few) < Stockham::operations(points))
    return Bluestein(points, few);
  return Stockham(points);
}

}  // namespace

RealFourier::RealFourier(int64_t size)
    : size_(size), points_(points_of(size)), transform_(fastest(size)) {
  for (int64_t k = 0; k <= points_; ++k) half_turns_.push_back(root(k, size));
}

int64_t RealFourier::work_values() const {
  return std::visit([](const auto& transform) { return transform.work_values(); }, transform_);
}

Complex* RealFourier::transform(Complex* work, int64_t inputs, int64_t outputs) const {
  if (const auto* bluestein = std::get_if<Bluestein>(&transform_))
    return bluestein->transform(work, inputs, outputs);
  return std::get<Stockham>(transform_).transform(work);
}

// Even sizes: the even samples are the real parts, the odd samples the imaginary parts.
void RealFourier::forward(const double* signal, Complex* spectrum, Complex* work) const {
  const bool is_even = size_ % 2 == 0;
  for (int64_t n = 0; n < points_; ++n)
    work[n] = is_even ? Complex{signal[2 * n], signal[2 * n + 1]} : Complex{signal[n], 0};
  const Complex* z = transform(work, points_, few_of(size_));
  if (!is_even) {
    std::copy_n(z, frequencies(), spectrum);
    return;
  }
  for (int64_t k = 0; k <= points_; ++k) {
    const Complex a = z[k < points_ ? k : 0], b = conjugate(z[k > 0 ? points_ - k : 0]);
    spectrum[k] = ((a + b) - times_i(a - b) * half_turns_[k]) * 0.5;
  }
}

void RealFourier::inverse(const Complex* spectrum, double* signal, Complex* work) const {
  if (size_ % 2 == 0)
    inverse_even(spectrum, signal, work);
  else
    inverse_odd(spectrum, signal, work);
}

// Computes the conjugate of the transform of the conjugate spectrum.
void RealFourier::inverse_even(const Complex* spectrum, double* signal, Complex* work) const {
  work[0] = {spectrum[0].re + spectrum[points_].re, spectrum[points_].re - spectrum[0].re};
  for (int64_t k = 1; k < points_; ++k) {
    const Complex a = spectrum[k], b = conjugate(spectrum[points_ - k]);
    work[k] = conjugate((a + b) + times_i(a - b) * conjugate(half_turns_[k]));
  }
  const Complex* z = transform(work, points_, points_);
  for (int64_t n = 0; n < points_; ++n) {
    signal[2 * n] = z[n].re;
    signal[2 * n + 1] = -z[n].im;
  }
}

// Bluestein's transforms read no negative frequencies: the positive ones count twice.
void RealFourier::inverse_odd(const Complex* spectrum, double* signal, Complex* work) const {
  const bool is_whole = std::holds_alternative<Stockham>(transform_);
  work[0] = {spectrum[0].re, 0};
  for (int64_t k = 1; k < frequencies(); ++k) {
    work[k] = conjugate(spectrum[k]) * (is_whole ? 1 : 2);
    if (is_whole) work[size_ - k] = spectrum[k];
  }
  const Complex* z = transform(work, frequencies(), points_);
  for (int64_t n = 0; n < points_; ++n) signal[n] = z[n].re;
}

int64_t RealFourier::bytes() const {
  return std::visit([](const auto& transform) { return transform.bytes(); }, transform_) +
         static_cast<int64_t>(half_turns_.size() * sizeof(Complex));
}

}  // namespace torchstreamer::native
