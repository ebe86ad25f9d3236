#include "blocks/batches.h"

#include <algorithm>

namespace torchstreamer::blocks {

Batches::Call Batches::next(int64_t window, int64_t count) const {
  const int64_t first_row = window % unit_rows_;
  int64_t rows = unit_rows_;
  while (rows < most_rows_ && 2 * rows <= first_row + count) rows *= 2;
  return {rows, first_row, std::min(count, rows - first_row)};
}

}  // namespace torchstreamer::blocks
