// Operators over complex numbers, as functions of their parts.
#include <ATen/ops/tensor.h>

#include "graph/lowering/rows.h"

namespace torchstreamer::graph {
namespace {

Computation magnitude(const Operands& o) {
  const Operand real = result_of(Function::kSquare, {o.parts(0, {0})});
  const Operand imaginary = result_of(Function::kSquare, {o.parts(0, {1})});
  return Elementwise{Function::kSqrt, {result_of(Function::kAdd, {real, imaginary}, 1)}};
}

// Returns the product of two streams, or of a stream and a number, which multiplies both parts.
Computation complex_product(const Operands& o) {
  if (o.is_complex(0) && o.number(1)) return linear_map(o);
  if (!o.is_stream(0) || !o.is_stream(1)) return {};
  const Operand real = result_of(Function::kMultiply, {o.parts(0, {0, 1}), o.parts(1, {0, 0})});
  if (!o.is_complex(1)) return *real.result;
  if (!o.is_complex(0))
    return Elementwise{Function::kMultiply, {o.parts(0, {0, 0}), o.parts(1, {0, 1})}};
  const Operand crossed = result_of(Function::kMultiply, {o.parts(0, {1, 0}), o.parts(1, {1, 1})});
  // i * i = -1
  const int64_t numbers = static_cast<int64_t>(o.parts(0, {0}).spread.size());
  const Operand signs = Operand::of_constant(at::tensor({-1.f, 1.f}).repeat({numbers}));
  return Elementwise{Function::kAdd, {real, result_of(Function::kMultiply, {crossed, signs})}, 1};
}

// (a, b, alpha): a + sign * alpha * b.
Computation complex_sum(const Operands& o, double sign) {
  const auto alpha = o.number(2);
  if (!alpha || !o.is_complex(0) || !o.is_complex(1)) return {};
  return Elementwise{Function::kAdd, {o.parts(0, {0, 1}), o.parts(1, {0, 1})}, sign * *alpha};
}

}  // namespace

const Lowerings& complex_lowerings() {
  static const Lowerings rows = {
      {"_conj", linear_map},
      {"abs", magnitude},
      {"add", [](const Operands& o) { return complex_sum(o, 1); }},
      {"conj", linear_map},
      {"fft_fft", linear_map},
      {"fft_ifft", linear_map},
      {"fft_irfft", linear_map},
      {"fft_rfft", linear_map},
      {"mul", complex_product},
      {"sub", [](const Operands& o) { return complex_sum(o, -1); }},
  };
  return rows;
}

}  // namespace torchstreamer::graph
