// The impulse response of the resampler's filter.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "audio/resample_options.h"

namespace torchstreamer::audio {

/// The impulse response of the filter: scale * sinc * window, see resample_filter.h. Immutable and
/// thread-safe. T: float or double, the type of the waveform.
///
/// torchaudio (0.13 to 2.x, `_get_sinc_resample_kernel`) computes the coefficients in T. For large
/// reduced rates, the rounding error of the sinc's argument is far larger than that of the result,
/// so the argument is computed here with the same operations in the same order.
template <class T>
class WindowedSinc {
 public:
  /// Number of values that are computed together in vectorised loops.
  static constexpr int kAtOnce = 8;

  /// `orig`, `new_`: the reduced rates.
  WindowedSinc(int64_t orig, int64_t new_, const ResampleOptions& options);

  /// Times, in periods of `orig` input frames, of input frame `tap` and of output `phase`.
  T tap_time(int64_t tap) const { return static_cast<T>(tap) / orig_; }
  T phase_time(int64_t phase) const { return static_cast<T>(phase) / new_; }

  /// Rounding errors of these times.
  double tap_error(T time, int64_t tap) const { return division_error(time, tap, orig_); }
  double phase_error(T time, int64_t phase) const { return division_error(time, phase, new_); }

  /// Zero crossings from the centre of the sinc per period: torchaudio's base_freq.
  T base() const { return base_; }
  /// The argument of sin() at the edge of the window.
  T edge_angle() const { return width_ * kPi; }

  /// Returns true if the rounding of products that give an angle matters.
  bool must_round_angles() const {
    return edge_angle() * std::numeric_limits<T>::epsilon() / 2 > 1e-4;
  }

  /// Coefficients of torchaudio, [kAtOnce], for tap_time() - phase_time(), [kAtOnce].
  void coefficients(const T* times, T* out) const;

  /// Values, [kAtOnce], of the impulse response without rounding to T, for arguments of sin(),
  /// [kAtOnce]. The window continues smoothly beyond its edge.
  void smooth_values(const double* angles, double* out) const;

  /// Magnitude of the impulse response at `angle` beyond the edge of the window, relative to the
  /// value in the centre.
  double beyond_edge(double angle) const;

  /// Upper bound of |d^n value / d angle^n| at all angles, relative to the value in the centre.
  double derivative_bound(int n) const;

  static constexpr T kPi = static_cast<T>(3.14159265358979323846);

 private:
  // Returns quotient - dividend / divisor. In double, the product of a float is exact.
  static double division_error(T quotient, int64_t dividend, int64_t divisor) {
    const auto to = static_cast<double>(divisor);
    if constexpr (sizeof(T) == sizeof(float))
      return (quotient * to - static_cast<double>(dividend)) / to;
    else
      return std::fma(quotient, to, -static_cast<double>(dividend)) / to;
  }

  void kaiser_window(const T* t, T* window) const;
  void hann_window(const T* t, T* window) const;

  int64_t orig_, new_;
  bool is_kaiser_;
  T width_, base_, scale_, beta_, i0_beta_;
  std::vector<double> i0_series_;
};

}  // namespace torchstreamer::audio
