// A table of blocks of output frames whose coefficients are polynomials: the filter of pairs of
// rates whose coefficients would not fit in a table, if it has few taps.
//
// A block has kBlockLanes consecutive outputs. As in interpolated_filter.h, the coefficient of an
// input for an output is a polynomial of the sinc's angle. All distances of a block's inputs and
// outputs follow from the offset of the first output, so blocks whose first offset is in the same
// cell have the same polynomials.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "audio/kernels.h"
#include "audio/resample_clock.h"
#include "audio/windowed_sinc.h"

namespace torchstreamer::audio {

struct PolynomialFit;

/// The polynomials of all blocks. Immutable and thread-safe. T: float or double.
template <class T>
class PolynomialBlocks {
 public:
  /// Returns nothing if the polynomials would take more than 512 KiB, if a block has more than 192
  /// input frames, or if the angles of this filter must be rounded or clamped.
  static std::optional<PolynomialBlocks> make(const ResampleClock& clock,
                                              const WindowedSinc<T>& sinc);

  /// Number of input frames of a block. The first one is that of its first output.
  int64_t row_count() const { return row_count_; }
  /// The block with this index in a period. `first`: its first input frame.
  BlockPolynomials<T> at(int64_t block, int64_t first) const {
    const Row<T>* rows = &rows_[cell_[block] * row_count_ * (degree_ + 1)];
    BlockPolynomials<T> polynomials = {rows,
                                       degree_,
                                       0,
                                       row_count_,
                                       &tap_times_[first - first_tap_],
                                       lane_times_[block].lane,
                                       first_rows_[block].lane,
                                       last_rows_[block].lane};
    if (!omits_edges_) observe_windows(polynomials);
    return polynomials;
  }
  /// Returns true if blocks need not observe the windows of outputs while all inputs are finite.
  bool omits_edges() const { return omits_edges_; }
  void observe_windows(BlockPolynomials<T>& polynomials) const {
    polynomials.inner_begin = inner_begin_;
    polynomials.inner_end = inner_end_;
  }

 private:
  PolynomialBlocks(const ResampleClock& clock, const WindowedSinc<T>& sinc)
      : clock_(clock),
        first_tap_(clock.first(0)),
        frame_angle_(WindowedSinc<double>::kPi * sinc.base() / clock.orig()),
        row_count_((2 * clock.reach() + (kBlockLanes - 1) * clock.orig()) / clock.phases() + 2) {}

  bool choose_cells(const WindowedSinc<T>& sinc);
  void compute_tap_times(const WindowedSinc<T>& sinc);
  void fill_rows(const WindowedSinc<T>& sinc);
  void fill_lanes(const WindowedSinc<T>& sinc, const PolynomialFit& fit, int64_t cell, int64_t r,
                  int first, Row<T>* row) const;
  void place_phases(const WindowedSinc<T>& sinc);
  bool is_in_all_windows(double angle) const;
  double center(int64_t cell) const { return (cell + 0.5) * cell_angle_; }

  ResampleClock clock_;
  int64_t first_tap_;
  double frame_angle_;  // the sinc's angle from one input frame to the next
  int64_t row_count_;
  double rounding_ = 0;       // maximum error of an angle
  std::vector<T> tap_times_;  // rounding errors of the times of input frames, as angles
  int64_t inner_begin_ = 0, inner_end_ = 0;  // rows that belong to all lanes of all blocks
  bool omits_edges_ = false;                 // see fill_lanes()
  int degree_ = 0;
  int64_t cells_ = 0;
  double cell_angle_ = 0;
  std::vector<Row<T>> rows_;                                 // [cells, row_count, degree + 1]
  std::vector<int32_t> cell_;                                // of each block
  std::vector<Row<T>> lane_times_, first_rows_, last_rows_;  // of each block
};

}  // namespace torchstreamer::audio
