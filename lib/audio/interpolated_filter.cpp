#include "audio/interpolated_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "audio/polynomial_fit.h"

namespace torchstreamer::audio {
namespace {

/// Tables should have few cells, so that a push computes several outputs of each cell.
constexpr int64_t kFewCells = 48;
constexpr int64_t kMaxTableBytes = 44 << 20;

/// Maximum relative error of rounding to T.
template <class T>
constexpr double kRoundoff = std::numeric_limits<T>::epsilon() / 2;

}  // namespace

template <class T>
InterpolatedFilter<T>::InterpolatedFilter(const ResampleClock& clock, const WindowedSinc<T>& sinc)
    : clock_(clock),
      sinc_(sinc),
      period_angle_(WindowedSinc<double>::kPi * sinc.base()),
      rounds_angles_(sinc.must_round_angles()),
      first_tap_(clock.first(0)),
      vectors_(ceil_div(clock.longest_taps(), kTapLanes<T>)) {
  compute_times();
  clamps_angles_ = sinc_.beyond_edge(rounding_ + phase_rounding_) > kMaxError<T>;
  for (double max_error = kMaxError<T>; !choose_cells(max_error);) max_error *= 4;
  cell_angle_ = (period_angle_ / clock_.orig() + 2 * phase_rounding_) / cells_;
  fill_rows();
  place_phases();
}

/// Computes times and an upper bound of the error of angles. Divisions have an error of at most
/// kRoundoff times the result. Two products and the centre of the cell have one of at most
/// kRoundoff times the angle, so has the difference of the times, unless it is exact.
template <class T>
void InterpolatedFilter<T>::compute_times() {
  const int64_t end = clock_.last(clock_.phases() - 1) + 1 + kTapLanes<T>;
  tap_times_.reserve(end - first_tap_);
  double largest_error = 0;
  for (int64_t tap = first_tap_; tap < end; ++tap) {
    const T time = sinc_.tap_time(tap);
    const double error = sinc_.tap_error(time, tap);
    largest_error = std::max(largest_error, std::abs(error));
    tap_times_.push_back(rounds_angles_ ? time : static_cast<T>(error * period_angle_));
  }
  phase_rounding_ = kRoundoff<T> / 2 * period_angle_;
  rounding_ = largest_error * period_angle_ + 4 * kRoundoff<T> * sinc_.edge_angle();
}

/// Chooses the smallest degree whose table is small, or has few cells, or else the smallest table.
/// Returns false if there is no table with this error.
template <class T>
bool InterpolatedFilter<T>::choose_cells(double max_error) {
  const double angles = period_angle_ / clock_.orig() + 2 * phase_rounding_;
  int64_t least_bytes = kMaxTableBytes + 1;
  for (const int degree : kDegrees) {
    const double half = interpolated_half(sinc_, degree, max_error) - rounding_;
    if (half <= 0) continue;
    const auto cells = static_cast<int64_t>(std::ceil(angles / (2 * half)));
    const int64_t bytes = cells * vectors_ * (degree + 2) * int64_t{sizeof(TapRow<T>)};
    if (bytes >= least_bytes) continue;
    least_bytes = bytes;
    degree_ = degree;
    cells_ = cells;
    if (cells <= kFewCells) break;
  }
  return cells_ > 0;
}

template <class T>
void InterpolatedFilter<T>::fill_rows() {
  constexpr int kLanes = kTapLanes<T>;
  const double frame_angle = period_angle_ / clock_.orig();
  const double reach = static_cast<double>(clock_.reach()) / clock_.phases();  // in input frames
  const PolynomialFit fit(degree_, cell_angle_ / 2 + rounding_);
  rows_.resize(cells_ * vectors_ * (degree_ + 2));
  TapRow<T>* row = rows_.data();
  for (int64_t cell = 0; cell < cells_; ++cell) {
    for (int64_t v = 0; v < vectors_; ++v) {
      double centers[kLanes], values[PolynomialFit::kMaxNodes][kLanes];
      for (int l = 0; l < kLanes; ++l) {
        centers[l] = center(cell) + (v * kLanes + l - reach) * frame_angle;
        row->lane[l] = static_cast<T>(centers[l]);
        if (rounds_angles_) centers[l] = row->lane[l];
      }
      ++row;
      for (int i = 0; i <= degree_; ++i) {
        double angles[kLanes];
        for (int l = 0; l < kLanes; ++l) angles[l] = centers[l] + fit.node[i];
        for (int l = 0; l < kLanes; l += WindowedSinc<T>::kAtOnce)
          sinc_.smooth_values(angles + l, values[i] + l);
      }
      for (int p = degree_; p >= 0; --p, ++row)
        for (int l = 0; l < kLanes; ++l) {
          double sum = 0;
          for (int i = 0; i <= degree_; ++i) sum += fit.weight[p][i] * values[i][l];
          row->lane[l] = static_cast<T>(sum);
        }
    }
  }
}

/// Chooses the cell of each output, from its angle without rounding errors.
template <class T>
void InterpolatedFilter<T>::place_phases() {
  const double frame_angle = period_angle_ / clock_.orig(), new_ = clock_.phases();
  phases_.reserve(clock_.phases());
  int64_t offset = clock_.first(0) * clock_.phases() + clock_.reach();
  for (int64_t phase = 0; phase < clock_.phases(); ++phase) {
    const T time = sinc_.phase_time(phase);
    const double angle =
        offset / new_ * frame_angle - sinc_.phase_error(time, phase) * period_angle_;
    const auto cell =
        std::min(static_cast<int64_t>((angle + phase_rounding_) / cell_angle_), cells_ - 1);
    phases_.push_back(
        {rounds_angles_ ? time : static_cast<T>(center(cell) - angle), static_cast<int32_t>(cell)});
    offset -= clock_.orig();
    offset -= floor_div(offset, clock_.phases()) * clock_.phases();
  }
}

template class InterpolatedFilter<float>;
template class InterpolatedFilter<double>;

}  // namespace torchstreamer::audio
