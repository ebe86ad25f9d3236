// Elementwise functions over rows of samples.
#pragma once

#include <cstdint>

#include "network/computation.h"

namespace torchstreamer::native {

/// Rows of samples. `pitch`: floats from one row to the next; 0 if all rows are the same.
struct SampleRows {
  const float* data = nullptr;
  int64_t pitch = 0;
};

/// y = f(a, b) over `rows` rows of `columns` samples.
struct SampleMap {
  Function function;
  float p = 0, q = 0;
  SampleRows a, b;
  float* y = nullptr;
  int64_t y_pitch = 0;
  int64_t rows = 0, columns = 0;
};

/// Computes y, which may be the memory of an operand. The bits of a sample do not depend on its
/// position in a row.
///
/// Largest errors in ulp, measured over the range of each function: exp 1.1, log 1, elu 2.2; log1p,
/// sin, cos, sigmoid, silu, tanh 2.6; softplus 4 (of the rounded product); gelu 3.5 ulp of its
/// operand. All other functions are rounded once, or twice (product and sum) on processors without
/// fused multiply-add. As in PyTorch, sigmoid and silu are 0 if exp(-a) is infinite.
void elementwise(const SampleMap& map);

/// Computes one frame of an LSTM. `gates`: [i, f, g, o][hidden] before their activations. Updates
/// the states `h` and `c` [hidden].
void lstm_cell(const float* gates, int64_t hidden, float* h, float* c);

/// Computes one frame of a GRU. `from_input`, `from_hidden`: parts of the gates [r, z, n][hidden].
/// Updates the state `h` [hidden].
void gru_cell(const float* from_input, const float* from_hidden, int64_t hidden, float* h);

}  // namespace torchstreamer::native
