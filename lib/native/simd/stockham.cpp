#include "native/simd/stockham.h"

#include <cmath>
#include <utility>

namespace torchstreamer::native {
namespace {

// Fours first, then the primes in ascending order.
std::vector<int64_t> factors_of(int64_t n) {
  std::vector<int64_t> factors;
  for (; n % 4 == 0; n /= 4) factors.push_back(4);
  for (int64_t prime = 2; n > 1; ++prime)
    for (; n % prime == 0; n /= prime) factors.push_back(prime);
  return factors;
}

// ---- Transforms of 2, 4 and `roots.size()` values of `x` in a distance of `part`, each of
// which is multiplied by a twiddle factor. There are `s` of them, at consecutive positions.

void combine2(const Complex* x, const Complex* twiddles, Complex* y, int64_t part, int64_t s) {
  for (int64_t q = 0; q < s; ++q) {
    const Complex a = x[q], b = x[q + part];
    y[q] = a + b;
    y[q + s] = (a - b) * twiddles[0];
  }
}

void combine4(const Complex* x, const Complex* twiddles, Complex* y, int64_t part, int64_t s) {
  const Complex t1 = twiddles[0], t2 = twiddles[1], t3 = twiddles[2];
  for (int64_t q = 0; q < s; ++q) {
    const Complex a = x[q], b = x[q + part], c = x[q + 2 * part], d = x[q + 3 * part];
    const Complex even = a + c, odd = a - c, sum = b + d, turned = times_i(b - d);
    y[q] = even + sum;
    y[q + s] = (odd - turned) * t1;
    y[q + 2 * s] = (even - sum) * t2;
    y[q + 3 * s] = (odd + turned) * t3;
  }
}

// The values i and radix - i have conjugate roots: the cosines multiply their sum, the sines their
// difference.
void combine_odd(const Complex* x, const Complex* twiddles, const std::vector<Complex>& roots,
                 Complex* y, int64_t part, int64_t s) {
  const auto radix = static_cast<int64_t>(roots.size());
  for (int64_t q = 0; q < s; ++q) {
    Complex sum = x[q];
    for (int64_t i = 1; i < radix; ++i) sum = sum + x[q + i * part];
    y[q] = sum;
    for (int64_t j = 1; 2 * j < radix; ++j) {
      Complex even = x[q], odd;
      for (int64_t i = 1, at = j; 2 * i < radix; ++i) {
        const Complex a = x[q + i * part], b = x[q + (radix - i) * part];
        even = even + (a + b) * roots[at].re;
        odd = odd + (a - b) * roots[at].im;
        at += at + j < radix ? j : j - radix;
      }
      y[q + j * s] = (even + times_i(odd)) * twiddles[j - 1];
      y[q + (radix - j) * s] = (even - times_i(odd)) * twiddles[radix - j - 1];
    }
  }
}

}  // namespace

Complex root(int64_t k, int64_t n) {
  constexpr double kTwoPi = 6.283185307179586476925286766559;
  const double angle = kTwoPi * static_cast<double>(k % n) / static_cast<double>(n);
  return {std::cos(angle), -std::sin(angle)};
}

Stockham::Stockham(int64_t size) : size_(size) {
  int64_t n = size, stride = 1;
  for (const int64_t radix : factors_of(size)) {
    Stage stage{radix, n / radix, stride, {}, {}};
    for (int64_t p = 0; p < stage.parts; ++p)
      for (int64_t j = 1; j < radix; ++j) stage.twiddles.push_back(root(p * j, n));
    for (int64_t j = 0; radix % 2 != 0 && j < radix; ++j) stage.roots.push_back(root(j, radix));
    stages_.push_back(std::move(stage));
    n /= radix;
    stride *= radix;
  }
}

int64_t Stockham::operations(int64_t size) {
  int64_t sum = 0;
  for (const int64_t radix : factors_of(size)) sum += radix % 2 ? 2 * radix : radix;
  return size * sum;
}

Complex* Stockham::transform(Complex* work) const {
  Complex* x = work;
  Complex* y = work + size_;
  for (const Stage& stage : stages_) {
    const int64_t s = stage.stride, part = s * stage.parts;
    for (int64_t p = 0; p < stage.parts; ++p) {
      const Complex* from = x + s * p;
      const Complex* twiddles = stage.twiddles.data() + p * (stage.radix - 1);
      Complex* to = y + s * p * stage.radix;
      if (stage.radix == 4)
        combine4(from, twiddles, to, part, s);
      else if (stage.radix == 2)
        combine2(from, twiddles, to, part, s);
      else
        combine_odd(from, twiddles, stage.roots, to, part, s);
    }
    std::swap(x, y);
  }
  return x;
}

int64_t Stockham::bytes() const {
  size_t values = 0;
  for (const Stage& stage : stages_) values += stage.twiddles.size() + stage.roots.size();
  return static_cast<int64_t>(values * sizeof(Complex));
}

}  // namespace torchstreamer::native
