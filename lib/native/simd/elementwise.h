// What is done to every sample by itself.
#pragma once

#include <cstdint>

#include "network/computation.h"

namespace torchstreamer::native {

/// Rows of samples, `pitch` floats from one to the next: 0 where they are all the same.
struct Rows {
  const float* data = nullptr;
  int64_t pitch = 0;
};

/// y = f(a, b) over `rows` rows of `columns` samples.
struct SampleMap {
  Function function;
  float p = 0, q = 0;
  Rows a, b;
  float* y = nullptr;
  int64_t y_pitch = 0;
  int64_t rows = 0, columns = 0;
};

/// y may be one of the operands. Errors against the exact values, in ulp, as measured over their
/// range: exp 1.1, log 1, elu 2.2, log1p, sin, cos, sigmoid, silu, tanh 2.6, softplus 4 (of the
/// rounded product); gelu 3.5 ulp of its operand; the others are rounded once, or, on processors
/// that do not fuse them, after the product and after the sum. As in PyTorch, sigmoid and silu are
/// 0 where exp(-a) is infinite. Bits do not depend on how samples are laid out in rows.
void elementwise(const SampleMap& map);

/// One step of an LSTM: `gates` [i, f, g, o][hidden] before their activations, the states h and c
/// [hidden] are changed.
void lstm_cell(const float* gates, int64_t hidden, float* h, float* c);

/// One step of a GRU: what input and hidden state give to the gates [r, z, n][hidden].
void gru_cell(const float* from_input, const float* from_hidden, int64_t hidden, float* h);

}  // namespace torchstreamer::native
