// Operators that mix the windows of one call.
#pragma once

#include <cstdint>
#include <functional>

namespace torchstreamer::blocks {

/// Returns true if an operator of `call`, whose signal has `rows` windows, makes a tensor that has
/// no entry for each window from one that has: the number of its elements is no multiple of `rows`.
/// `rows`: a prime number, which divides no other size. Rethrows exceptions of `call`.
bool loses_rows(const std::function<void()>& call, int64_t rows);

}  // namespace torchstreamer::blocks
