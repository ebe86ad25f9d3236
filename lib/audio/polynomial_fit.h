// Interpolation of the impulse response by polynomials.
#pragma once

#include <cmath>
#include <utility>

#include "audio/kernels.h"
#include "audio/windowed_sinc.h"

namespace torchstreamer::audio {

/// Maximum error of a coefficient by interpolation, relative to the largest coefficient.
template <class T>
constexpr double kMaxError = sizeof(T) == sizeof(float) ? 0x1p-24 : 0x1p-44;

/// Half the length of an interval in which polynomials of a degree have at most this error.
template <class T>
double interpolated_half(const WindowedSinc<T>& sinc, int degree, double max_error) {
  const int n = degree + 1;
  const double power = max_error * std::tgamma(n + 1) * std::exp2(n - 1) / sinc.derivative_bound(n);
  return std::pow(power, 1.0 / n);
}

/// Interpolation of a function at the Chebyshev nodes of [-half, half]. The coefficient of x^p is
/// the sum over i of weight[p][i] * function(node[i]).
///
/// With n = degree + 1 and nodes x_i = cos(pi * (i + 1/2) / n) of [-1, 1], the polynomial is
///
///   sum over k of a[k] * T_k(x),    a[k] = (2 - (k == 0)) / n * sum over i of h(x_i) * T_k(x_i),
///
/// with the Chebyshev polynomials T_0 = 1, T_1 = x, T_{k+1} = 2 x T_k - T_{k-1}.
struct PolynomialFit {
  static constexpr int kMaxNodes = kMaxDegree + 1;

  PolynomialFit(int degree, double half) {
    constexpr double kPi = WindowedSinc<double>::kPi;
    const int n = degree + 1;
    for (int i = 0; i < n; ++i) node[i] = half * std::cos(kPi * (i + 0.5) / n);
    double current[kMaxNodes] = {1}, last[kMaxNodes] = {};  // T_k and T_{k-1}, by powers of x
    for (int k = 0; k < n; ++k) {
      for (int i = 0; i < n; ++i) {
        const double factor = (k == 0 ? 1.0 : 2.0) / n * std::cos(kPi * k * (i + 0.5) / n);
        for (int p = 0; p <= k; ++p) weight[p][i] += factor * current[p] / std::pow(half, p);
      }
      for (int p = degree; p >= 0; --p)
        last[p] = (p > 0 ? (k == 0 ? 1 : 2) * current[p - 1] : 0) - last[p];
      std::swap(current, last);
    }
  }

  double node[kMaxNodes];
  double weight[kMaxNodes][kMaxNodes] = {};
};

}  // namespace torchstreamer::audio
