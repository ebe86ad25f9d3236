// Indices that count from the end if they are negative, as in Python.
#pragma once

#include <cstdint>

namespace torchstreamer {

/// Returns the index counted from the start: `index`, or `index + size` if it is negative. `size`:
/// number of axes or entries.
inline int64_t wrapped_index(int64_t index, int64_t size) {
  return index < 0 ? index + size : index;
}

}  // namespace torchstreamer
