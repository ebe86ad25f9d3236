#include "audio/polynomial_blocks.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "audio/polynomial_fit.h"

namespace torchstreamer::audio {
namespace {

constexpr int64_t kMostCells = 128;
constexpr int64_t kMaxTableBytes = 1 << 19;
/// The polynomials of longer blocks would not stay in the first-level cache.
constexpr int64_t kMostRows = 192;

/// Maximum relative error of rounding to T.
template <class T>
constexpr double kRoundoff = std::numeric_limits<T>::epsilon() / 2;

}  // namespace

template <class T>
std::optional<PolynomialBlocks<T>> PolynomialBlocks<T>::make(const ResampleClock& clock,
                                                             const WindowedSinc<T>& sinc) {
  PolynomialBlocks blocks(clock, sinc);
  if (sinc.must_round_angles() || blocks.row_count_ > kMostRows) return {};
  blocks.compute_tap_times(sinc);
  if (!blocks.choose_cells(sinc)) return {};
  blocks.fill_rows(sinc);
  blocks.place_phases(sinc);
  return blocks;
}

template <class T>
void PolynomialBlocks<T>::compute_tap_times(const WindowedSinc<T>& sinc) {
  const int64_t first = clock_.first(0), phases = clock_.phases();
  inner_begin_ = ceil_div((kBlockLanes - 1) * clock_.orig(), phases) + 1;
  inner_end_ = clock_.longest_taps() - 1;
  const double period_angle = frame_angle_ * clock_.orig();
  const int64_t end = clock_.last(phases - 1) + 1 + row_count_;
  tap_times_.reserve(end - first);
  double largest_error = 0;
  for (int64_t tap = first; tap < end; ++tap) {
    const double error = sinc.tap_error(sinc.tap_time(tap), tap) * period_angle;
    largest_error = std::max(largest_error, std::abs(error));
    tap_times_.push_back(static_cast<T>(error));
  }
  rounding_ =
      largest_error + kRoundoff<T> / 2 * period_angle + 4 * kRoundoff<T> * sinc.edge_angle();
}

/// Chooses the smallest degree whose table is small. Returns false if there is none.
template <class T>
bool PolynomialBlocks<T>::choose_cells(const WindowedSinc<T>& sinc) {
  if (sinc.beyond_edge(rounding_) > kMaxError<T>) return false;
  const auto may_omit = [&](int64_t cells) {
    return sinc.beyond_edge(-frame_angle_ / cells) <= 2 * kMaxError<T>;
  };
  omits_edges_ = may_omit(kMostCells);
  for (const int degree : kBlockDegrees) {
    const double half = interpolated_half(sinc, degree, kMaxError<T>) - rounding_;
    if (half <= 0) continue;
    auto cells = static_cast<int64_t>(std::ceil(frame_angle_ / (2 * half)));
    if (omits_edges_)
      while (!may_omit(cells)) cells += 1 + cells / 8;
    if (cells * row_count_ * (degree + 1) * int64_t{sizeof(Row<T>)} > kMaxTableBytes) continue;
    degree_ = degree;
    cells_ = cells;
    cell_angle_ = frame_angle_ / cells;
    return true;
  }
  return false;
}

/// Returns true if an angle in the centre of a cell is inside of the window at all of its offsets.
template <class T>
bool PolynomialBlocks<T>::is_in_all_windows(double angle) const {
  const double edge = clock_.reach() * frame_angle_ / clock_.phases();
  return std::abs(angle) + cell_angle_ / 2 < edge - 1e-9 * frame_angle_;
}

template <class T>
void PolynomialBlocks<T>::fill_rows(const WindowedSinc<T>& sinc) {
  const PolynomialFit fit(degree_, cell_angle_ / 2 + rounding_);
  rows_.resize(cells_ * row_count_ * (degree_ + 1));
  Row<T>* row = rows_.data();
  for (int64_t cell = 0; cell < cells_; ++cell)
    for (int64_t r = 0; r < row_count_; ++r, row += degree_ + 1)
      for (int first = 0; first < kBlockLanes; first += WindowedSinc<T>::kAtOnce)
        fill_lanes(sinc, fit, cell, r, first, row);
}

/// Computes the polynomials of the lanes from `first` on. They are zero for inputs outside of the
/// window. If the coefficients at its edge are tiny, they are also zero for inputs that are outside
/// at some offsets of the cell.
template <class T>
void PolynomialBlocks<T>::fill_lanes(const WindowedSinc<T>& sinc, const PolynomialFit& fit,
                                     int64_t cell, int64_t r, int first, Row<T>* row) const {
  constexpr int kAtOnce = WindowedSinc<T>::kAtOnce;
  bool is_zero[kAtOnce];
  double centers[kAtOnce], angles[kAtOnce], values[PolynomialFit::kMaxNodes][kAtOnce];
  for (int l = 0; l < kAtOnce; ++l) {
    const auto distance = static_cast<double>(clock_.reach() + (first + l) * clock_.orig());
    centers[l] = center(cell) + (r - distance / clock_.phases()) * frame_angle_;
    is_zero[l] = omits_edges_ && !is_in_all_windows(centers[l]);
  }
  for (int i = 0; i <= degree_; ++i) {
    for (int l = 0; l < kAtOnce; ++l) angles[l] = centers[l] + fit.node[i];
    sinc.smooth_values(angles, values[i]);
  }
  for (int p = 0; p <= degree_; ++p)
    for (int l = 0; l < kAtOnce; ++l) {
      double sum = 0;
      for (int i = 0; i <= degree_; ++i) sum += fit.weight[p][i] * values[i][l];
      row[degree_ - p].lane[first + l] = is_zero[l] ? T(0) : static_cast<T>(sum);
    }
}

template <class T>
void PolynomialBlocks<T>::place_phases(const WindowedSinc<T>& sinc) {
  const int64_t phases = clock_.phases(), blocks = ceil_div(phases, kBlockLanes);
  cell_.resize(blocks);
  lane_times_.resize(blocks);
  first_rows_.resize(blocks);
  last_rows_.resize(blocks);
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t begin = block * kBlockLanes, first = clock_.first(begin);
    const int64_t offset = first * phases - begin * clock_.orig() + clock_.reach();
    const double angle = static_cast<double>(offset) / phases * frame_angle_;
    cell_[block] =
        static_cast<int32_t>(std::min(static_cast<int64_t>(angle / cell_angle_), cells_ - 1));
    for (int l = 0; l < kBlockLanes; ++l) {
      const int64_t phase = std::min(begin + l, phases - 1);
      const double error =
          sinc.phase_error(sinc.phase_time(phase), phase) * frame_angle_ * clock_.orig();
      lane_times_[block].lane[l] = static_cast<T>(center(cell_[block]) - angle + error);
      first_rows_[block].lane[l] = static_cast<T>(clock_.first(phase) - first);
      last_rows_[block].lane[l] = static_cast<T>(clock_.last(phase) - first);
    }
  }
}

template class PolynomialBlocks<float>;
template class PolynomialBlocks<double>;

}  // namespace torchstreamer::audio
