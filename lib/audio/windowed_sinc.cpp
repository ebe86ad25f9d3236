#include "audio/windowed_sinc.h"

#include <algorithm>
#include <cmath>

namespace torchstreamer::audio {
namespace {

constexpr double kDoublePi = WindowedSinc<double>::kPi;

/// Coefficients c of the modified Bessel function I0(x) = sum over k of c[k] * (x / 2)^(2 k) (DLMF
/// 10.25.2), as many as double precision needs for |x| <= beta. All terms are positive, so there is
/// no cancellation.
std::vector<double> i0_series(double beta) {
  std::vector<double> series = {1};
  const double z = beta * beta / 4;
  double term = 1, sum = 1;
  for (double k = 1; term > 1e-18 * sum; ++k) {
    series.push_back(series.back() / (k * k));
    term *= z / (k * k);
    sum += term;
  }
  return series;
}

/// Values, [kCount], of a polynomial at z, [kCount].
template <int kCount>
void polynomial(const std::vector<double>& coefficients, const double* z, double* values) {
  std::fill_n(values, kCount, 0);
  for (auto c = coefficients.rbegin(); c != coefficients.rend(); ++c)
    for (int l = 0; l < kCount; ++l) values[l] = values[l] * z[l] + *c;
}

/// Returns sin(x) for |x| < 2^20 with an error of at most 4e-16, in arithmetic that compilers
/// vectorise: x is reduced to half a turn around zero, and Taylor's series is used there.
inline double sine(double x) {
  constexpr double kPiHigh = 0x1.921fb544p+1;  // few bits, so that its multiples are exact
  constexpr double kPiLow = 0x1.0b4611a626331p-33;
  constexpr double kRound = 0x1.8p+52;  // adding it rounds to integers
  const double half_turns = (x * (1 / kDoublePi) + kRound) - kRound;
  const double odd = half_turns - 2 * ((half_turns * 0.5 + kRound) - kRound);  // -1, 0 or 1
  const double r = (x - half_turns * kPiHigh) - half_turns * kPiLow;
  const double r2 = r * r;
  double sum = 1;
  for (int n = 20; n > 0; n -= 2) sum = 1 - sum * r2 * (1.0 / (n * (n + 1)));
  return (1 - 2 * odd * odd) * r * sum;
}

}  // namespace

template <class T>
WindowedSinc<T>::WindowedSinc(int64_t orig, int64_t new_, const ResampleOptions& options)
    : orig_(orig),
      new_(new_),
      is_kaiser_(is_kaiser(options)),
      width_(static_cast<T>(options.lowpass_filter_width)) {
  const double base_freq = std::min(orig, new_) * options.rolloff;
  base_ = static_cast<T>(base_freq);
  scale_ = static_cast<T>(base_freq / orig);
  // torchaudio computes beta and I0(beta) in float32 for every type of waveform.
  const auto beta = static_cast<float>(options.beta);
  beta_ = beta;
  i0_series_ = i0_series(beta);
  const double z = 0.25 * beta * beta;
  double i0_beta;
  polynomial<1>(i0_series_, &z, &i0_beta);
  i0_beta_ = is_kaiser_ ? static_cast<float>(i0_beta) : 1;
}

template <class T>
void WindowedSinc<T>::hann_window(const T* t, T* window) const {
  for (int l = 0; l < kAtOnce; ++l) {
    const auto cosine = static_cast<T>(sine(t[l] * kPi / width_ / 2 + kDoublePi / 2));
    window[l] = cosine * cosine;
  }
}

template <class T>
void WindowedSinc<T>::kaiser_window(const T* t, T* window) const {
  double z[kAtOnce], i0[kAtOnce];
  for (int l = 0; l < kAtOnce; ++l) {
    const T u = t[l] / width_;
    const T x = beta_ * std::sqrt(std::max(T(0), 1 - u * u));
    z[l] = static_cast<double>(x) * x / 4;
  }
  polynomial<kAtOnce>(i0_series_, z, i0);
  for (int l = 0; l < kAtOnce; ++l) window[l] = static_cast<T>(i0[l]);
}

// Rounding may move the outermost taps across the edge of the window, so they are clamped, as in
// torchaudio.
template <class T>
void WindowedSinc<T>::coefficients(const T* times, T* out) const {
  T t[kAtOnce], window[kAtOnce];
  for (int l = 0; l < kAtOnce; ++l) t[l] = std::min(std::max(times[l] * base_, -width_), width_);
  is_kaiser_ ? kaiser_window(t, window) : hann_window(t, window);
  for (int l = 0; l < kAtOnce; ++l) t[l] *= kPi;
  for (int l = 0; l < kAtOnce; ++l) out[l] = static_cast<T>(sine(t[l]));
  for (int l = 0; l < kAtOnce; ++l) out[l] = t[l] == 0 ? T(1) : out[l] / t[l];
  for (int l = 0; l < kAtOnce; ++l) out[l] *= window[l] / i0_beta_ * scale_;
}

// In terms of u = t / width, I0(beta * sqrt(1 - u^2)) and cos(pi / 2 * u)^2 are entire functions.
template <class T>
void WindowedSinc<T>::smooth_values(const double* angles, double* out) const {
  const double edge = static_cast<double>(width_) * kPi;
  const double beta = beta_;
  double z[kAtOnce], window[kAtOnce];
  for (int l = 0; l < kAtOnce; ++l) z[l] = angles[l] / edge;
  if (is_kaiser_) {
    for (int l = 0; l < kAtOnce; ++l) z[l] = 0.25 * beta * beta * (1 - z[l] * z[l]);
    polynomial<kAtOnce>(i0_series_, z, window);
  } else {
    for (int l = 0; l < kAtOnce; ++l) window[l] = sine((z[l] + 1) * (kDoublePi / 2));
    for (int l = 0; l < kAtOnce; ++l) window[l] *= window[l];
  }
  for (int l = 0; l < kAtOnce; ++l)
    out[l] = window[l] / i0_beta_ * scale_ * (angles[l] == 0 ? 1 : sine(angles[l]) / angles[l]);
}

template <class T>
double WindowedSinc<T>::beyond_edge(double angle) const {
  double angles[kAtOnce], values[kAtOnce];
  std::fill_n(angles, kAtOnce, edge_angle() + angle);
  smooth_values(angles, values);
  return std::abs(values[0]) / scale_;
}

// The spectra of the sinc and of both windows are positive: the sinc is uniform on [-1, 1] (as a
// function of its angle), the window is inside [-b, b]. The n-th derivative of their product is
// therefore at most the mean of |w + v|^n over both, and largest if the window is at b.
template <class T>
double WindowedSinc<T>::derivative_bound(int n) const {
  const double b = is_kaiser_ ? std::abs(static_cast<double>(beta_)) / edge_angle() : 1 / width_;
  const double below = std::pow(std::abs(b - 1), n) * (b - 1);
  return (std::pow(1 + b, n + 1) - below) / (2 * (n + 1));
}

template class WindowedSinc<float>;
template class WindowedSinc<double>;

}  // namespace torchstreamer::audio
