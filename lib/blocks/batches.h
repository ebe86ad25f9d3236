// Groups of windows that go into one call.
#pragma once

#include <cstdint>
#include <vector>

namespace torchstreamer::blocks {

/// Sizes of the calls of a model that takes several windows at once, as rows `[N, C, T]`.
///
/// A matrix product may round a row differently if the number of rows is different. Therefore only
/// numbers of rows are used for which trials gave the same bits. If these are multiples of
/// `unit_rows` > 1, window i of the signal is always in a row r with r % unit_rows == i %
/// unit_rows, and rows without a window are zeros. The output then does not depend on the pushes.
class Batches {
 public:
  /// `unit_rows`: smallest number of rows; the others are `sizes` - 1 doublings of it.
  Batches(int64_t unit_rows = 1, int sizes = 1)
      : unit_rows_(unit_rows), most_rows_(unit_rows << (sizes - 1)) {}

  /// A call with `rows` rows. The `windows` rows from `first_row` on are windows, the others are
  /// zeros.
  struct Call {
    int64_t rows, first_row, windows;
  };
  /// Returns the next call for the `count` > 0 complete windows from `window` on.
  Call next(int64_t window, int64_t count) const;

  int64_t most_rows() const { return most_rows_; }
  int64_t unit_rows() const { return unit_rows_; }

 private:
  int64_t unit_rows_, most_rows_;
};

}  // namespace torchstreamer::blocks
