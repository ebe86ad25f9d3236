// The filter of pairs of rates whose coefficients would not fit in a table, if it has many taps.
// See polynomial_blocks.h for few taps.
//
// The coefficient of input k for output j is a smooth function of their distance, see
// resample_filter.h. The first input of an output is, in 1 / new input frames, by
//
//   offset = first(j) * new - (j * orig - reach),    0 <= offset < new,
//
// after the start of the output's window. The other inputs follow at distances of one frame.
//
//   (1) The offsets are converted to angles of the sinc, without the rounding error of
//       phase_time(). The angles are divided into cells of equal size:
//
//         |- cell 0 -|- cell 1 -|   ..                    |- last cell -|
//
//   (2) In a cell, the coefficient of the n-th input is a polynomial of the sinc's angle, relative
//       to the angle in the centre of the cell. A table contains the polynomials.
//   (3) A stream computes the angle with the rounding errors of torchaudio, then the polynomial.
//       Most of the error is that of tap_time(), which is known for every input frame. The rounding
//       of the products matters only for wide filters in float32.
//
// A polynomial interpolates the impulse response h at the Chebyshev nodes of the cell. At most
// `half` from the centre, its error is at most (DLMF 3.3.13)
//
//   max |d^n h / d angle^n| * half^n / (n! * 2^(n - 1)),    n = degree + 1.
//
// The size of the cells and the degree are chosen so that this is at most 2^-24 (float32) or 2^-44
// (float64) of the largest coefficient. The rounding of the window itself, at most beta roundoffs
// of T, is not reproduced: for a Kaiser window with a beta above 20, the difference to torchaudio
// in float32 may be more than 1e-6 of the peak. It is at most twice the error of torchaudio itself.
//
// With filters of at most 2^18 taps, a stream of two channels takes at most 64 MiB. The longest
// filters, of 2^20 taps, take up to 96 MiB.
#pragma once

#include <cstdint>
#include <vector>

#include "audio/kernels.h"
#include "audio/resample_clock.h"
#include "audio/windowed_sinc.h"

namespace torchstreamer::audio {

/// A table of polynomials. Immutable and thread-safe. T: float or double.
template <class T>
class InterpolatedFilter {
 public:
  /// An output of the period.
  struct Phase {
    T time;  ///< time to subtract from tap_times()
    int32_t cell;
  };

  InterpolatedFilter(const ResampleClock& clock, const WindowedSinc<T>& sinc);

  const ResampleClock& clock() const { return clock_; }
  const WindowedSinc<T>& sinc() const { return sinc_; }

  int64_t cells() const { return cells_; }
  /// The polynomials of all taps of a cell.
  TapPolynomials<T> polynomials(int64_t cell) const {
    return {&rows_[cell * vectors_ * (degree_ + 2)], vectors_, degree_};
  }
  /// Returns true if streams have to round the products that give an angle.
  bool rounds_angles() const { return rounds_angles_; }
  /// Returns true if streams have to clamp angles at the edge of the window.
  bool clamps_angles() const { return clamps_angles_; }
  /// Times of the input frames from the first one of output 0 on, counted from the start of the
  /// output's period. They are tap_time() if rounds_angles(), otherwise its rounding error, as an
  /// angle. They end kTapLanes<T> frames after those of the last output.
  const T* tap_times() const { return tap_times_.data(); }
  const Phase& phase(int64_t phase) const { return phases_[phase]; }

 private:
  void compute_times();
  bool choose_cells(double max_error);
  void fill_rows();
  void place_phases();
  double center(int64_t cell) const { return (cell + 0.5) * cell_angle_ - phase_rounding_; }

  ResampleClock clock_;
  WindowedSinc<T> sinc_;
  double period_angle_;  // angle of a period of input frames
  bool rounds_angles_;
  int64_t first_tap_;
  std::vector<T> tap_times_;
  bool clamps_angles_;
  double phase_rounding_;  // maximum error of the angle of an output
  double rounding_;        // maximum error of other angles
  int64_t vectors_;
  int degree_ = 0;
  int64_t cells_ = 0;
  double cell_angle_ = 0;
  std::vector<Phase> phases_;
  std::vector<TapRow<T>> rows_;  // [cells, vectors, degree + 2]
};

}  // namespace torchstreamer::audio
