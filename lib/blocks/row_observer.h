// Operators that mix the windows of one call.
#pragma once

#include <cstdint>
#include <functional>

namespace torchstreamer::blocks {

/// Runs `call`, whose signal has `rows` windows. Returns true if an operator gets a tensor with one
/// entry per window and returns one without: the number of its elements is not a multiple of
/// `rows`. `rows` must be a prime number that divides no other size. Rethrows exceptions of `call`.
bool loses_rows(const std::function<void()>& call, int64_t rows);

}  // namespace torchstreamer::blocks
