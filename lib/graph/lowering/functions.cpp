// Functions of samples: activations and arithmetic.
#include <cmath>
#include <limits>

#include "graph/lowering/rows.h"

namespace torchstreamer::graph {
namespace {

Computation unary(const Operands& o, Function function, double p = 0, double q = 0) {
  const auto a = o.operand(0);
  if (!a) return {};
  return Elementwise{function, {*a}, p, q};
}

Computation binary(const Operands& o, Function function, double p = 0) {
  const auto a = o.operand(0), b = o.operand(1);
  if (!a || !b) return {};
  return Elementwise{function, {*a, *b}, p, 0};
}

// (a, b, alpha): a + sign * alpha * b.
Computation sum(const Operands& o, double sign) {
  const auto alpha = o.number(2);
  if (!alpha) return {};
  if (const auto b = o.number(1)) return unary(o, Function::kScale, 1, sign * *alpha * *b);
  return binary(o, Function::kAdd, sign * *alpha);
}

Computation product(const Operands& o) {
  if (const auto b = o.number(1)) return unary(o, Function::kScale, *b, 0);
  return binary(o, Function::kMultiply);
}

// The last argument of div() may be a rounding mode.
Computation quotient(const Operands& o) {
  if (o.call().args.size() > 2 && !o.is_none(2)) return {};
  return binary(o, Function::kDivide);
}

// (a, b, alpha): b - alpha * a.
Computation reversed_difference(const Operands& o) {
  const auto b = o.number(1), alpha = o.number(2);
  if (!b || !alpha) return {};
  return unary(o, Function::kScale, -*alpha, *b);
}

// (x, min, max), either of which may be None.
Computation clamp(const Operands& o) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto low = o.is_none(1) ? -kInfinity : o.number(1);
  const auto high = o.call().args.size() < 3 || o.is_none(2) ? kInfinity : o.number(2);
  if (!low || !high) return {};
  return unary(o, Function::kClamp, *low, *high);
}

Computation power(const Operands& o) {
  const auto exponent = o.number(1);
  if (!o.is_stream(0) || !exponent) return {};
  if (*exponent == 2) return unary(o, Function::kSquare);
  if (*exponent == 0.5) return unary(o, Function::kSqrt);
  if (*exponent == -1) return unary(o, Function::kReciprocal);
  const auto x = o.operand(0);
  if (*exponent == -0.5)
    return Elementwise{Function::kReciprocal, {result_of(Function::kSqrt, {*x})}};
  if (*exponent == 3)
    return Elementwise{Function::kMultiply, {*x, result_of(Function::kSquare, {*x})}};
  if (*exponent == 4) return Elementwise{Function::kSquare, {result_of(Function::kSquare, {*x})}};
  return {};
}

Computation inverse_root(const Operands& o) {
  return Elementwise{Function::kReciprocal, {result_of(Function::kSqrt, {o.operand(0).value()})}};
}

// x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x^3)) is x * (1 + tanh(...)) / 2.
Computation gelu(const Operands& o) {
  const bool is_exact = o.call().args.size() < 2 || o.call().constant(1).toStringRef() == "none";
  if (is_exact) return unary(o, Function::kGelu);
  const Operand x = o.operand(0).value();
  const double scale = 2 * std::sqrt(2 / M_PI);
  const Operand factor =
      result_of(Function::kScale, {result_of(Function::kSquare, {x})}, 0.044715 * scale, scale);
  return Elementwise{
      Function::kMultiply,
      {x, result_of(Function::kSigmoid, {result_of(Function::kMultiply, {x, factor})})}};
}

// (x, beta, threshold).
Computation softplus(const Operands& o) {
  return unary(o, Function::kSoftplus, o.number(1).value(), o.number(2).value());
}

Computation mish(const Operands& o) {
  const Operand x = o.operand(0).value();
  return Elementwise{Function::kMultiply,
                     {x, result_of(Function::kTanh, {result_of(Function::kSoftplus, {x}, 1, 20)})}};
}

// clamp(x + 3, 0, 6) / 6.
Operand hard_sigmoid(const Operand& x) {
  const Operand clamped =
      result_of(Function::kClamp, {result_of(Function::kScale, {x}, 1, 3)}, 0, 6);
  return result_of(Function::kScale, {clamped}, 1. / 6, 0);
}

Computation hard_swish(const Operands& o) {
  const Operand x = o.operand(0).value();
  return Elementwise{Function::kMultiply, {x, hard_sigmoid(x)}};
}

// -softplus(-x).
Computation log_sigmoid(const Operands& o) {
  const Operand x = result_of(Function::kScale, {o.operand(0).value()}, -1, 0);
  return Elementwise{Function::kScale, {result_of(Function::kSoftplus, {x}, 1, 20)}, -1, 0};
}

// (x, lambda): x - clamp(x, -lambda, lambda).
Computation soft_shrink(const Operands& o) {
  const Operand x = o.operand(0).value();
  const double limit = o.number(1).value();
  return Elementwise{Function::kAdd, {x, result_of(Function::kClamp, {x}, -limit, limit)}, -1};
}

Computation logarithm(const Operands& o, double base) {
  return Elementwise{
      Function::kScale, {result_of(Function::kLog, {o.operand(0).value()})}, 1 / std::log(base), 0};
}

Computation rounded(const Operands& o, Function function) {
  if (o.call().args.size() > 1) return {};  // rounds to decimals
  return unary(o, function);
}

// (x, alpha, scale, input_scale).
Computation elu(const Operands& o) {
  if (o.number(2) != 1.0 || o.number(3) != 1.0) return {};
  return unary(o, Function::kElu, o.number(1).value());
}

// (x, alpha): alpha * elu(x / alpha).
Computation celu(const Operands& o) {
  const double alpha = o.number(1).value();
  const Operand scaled = result_of(Function::kScale, {o.operand(0).value()}, 1 / alpha, 0);
  return Elementwise{Function::kScale, {result_of(Function::kElu, {scaled}, 1)}, alpha, 0};
}

Computation selu(const Operands& o) {
  constexpr double kAlpha = 1.6732632423543772, kScale = 1.0507009873554805;
  const Operand x = result_of(Function::kElu, {o.operand(0).value()}, kAlpha);
  return Elementwise{Function::kScale, {x}, kScale, 0};
}

Computation prelu(const Operands& o) {
  const Tensor weight = o.call().tensor(1);
  const auto slope = weight.numel() == 1 ? o.in_frame(weight.flatten()) : o.over_channels(weight);
  const auto x = o.operand(0);
  if (!slope || !x) return {};
  return Elementwise{Function::kPrelu, {*x, *slope}, 0, 0};
}

}  // namespace

const Lowerings& function_lowerings() {
  static const Lowerings rows = {
      {"abs", [](const Operands& o) { return unary(o, Function::kAbs); }},
      {"add", [](const Operands& o) { return sum(o, 1); }},
      {"ceil",
       [](const Operands& o) {
         const Operand negative = result_of(Function::kScale, {o.operand(0).value()}, -1, 0);
         const Operand floor = result_of(Function::kFloor, {negative});
         return Computation(Elementwise{Function::kScale, {floor}, -1, 0});
       }},
      {"celu", celu},
      {"clamp", clamp},
      {"clamp_max",
       [](const Operands& o) {
         return unary(o, Function::kClamp, -std::numeric_limits<double>::infinity(),
                      o.number(1).value());
       }},
      {"clamp_min",
       [](const Operands& o) {
         return unary(o, Function::kClamp, o.number(1).value(),
                      std::numeric_limits<double>::infinity());
       }},
      {"cos", [](const Operands& o) { return unary(o, Function::kCos); }},
      {"div", quotient},
      {"elu", elu},
      {"exp", [](const Operands& o) { return unary(o, Function::kExp); }},
      {"floor", [](const Operands& o) { return unary(o, Function::kFloor); }},
      {"full_like",
       [](const Operands& o) { return unary(o, Function::kFill, 0, o.number(1).value()); }},
      {"gelu", gelu},
      {"hardsigmoid",
       [](const Operands& o) { return Computation(*hard_sigmoid(o.operand(0).value()).result); }},
      {"hardswish", hard_swish},
      {"hardtanh", clamp},
      {"leaky_relu",
       [](const Operands& o) { return unary(o, Function::kLeakyRelu, o.number(1).value()); }},
      {"log", [](const Operands& o) { return unary(o, Function::kLog); }},
      {"log10", [](const Operands& o) { return logarithm(o, 10); }},
      {"log1p", [](const Operands& o) { return unary(o, Function::kLog1p); }},
      {"log2", [](const Operands& o) { return logarithm(o, 2); }},
      {"log_sigmoid", log_sigmoid},
      {"maximum", [](const Operands& o) { return binary(o, Function::kMaximum); }},
      {"minimum", [](const Operands& o) { return binary(o, Function::kMinimum); }},
      {"mish", mish},
      {"mul", product},
      {"neg", [](const Operands& o) { return unary(o, Function::kScale, -1, 0); }},
      {"ones_like", [](const Operands& o) { return unary(o, Function::kFill, 0, 1); }},
      {"pow", power},
      {"prelu", prelu},
      {"reciprocal", [](const Operands& o) { return unary(o, Function::kReciprocal); }},
      {"relu", [](const Operands& o) { return unary(o, Function::kRelu); }},
      {"relu6", [](const Operands& o) { return unary(o, Function::kClamp, 0, 6); }},
      {"round", [](const Operands& o) { return rounded(o, Function::kRound); }},
      {"rsqrt", inverse_root},
      {"rsub", reversed_difference},
      {"selu", selu},
      {"sigmoid", [](const Operands& o) { return unary(o, Function::kSigmoid); }},
      {"sign", [](const Operands& o) { return unary(o, Function::kSign); }},
      {"silu", [](const Operands& o) { return unary(o, Function::kSilu); }},
      {"sin", [](const Operands& o) { return unary(o, Function::kSin); }},
      {"softplus", softplus},
      {"softshrink", soft_shrink},
      {"sqrt", [](const Operands& o) { return unary(o, Function::kSqrt); }},
      {"square", [](const Operands& o) { return unary(o, Function::kSquare); }},
      {"sub", [](const Operands& o) { return sum(o, -1); }},
      {"tanh", [](const Operands& o) { return unary(o, Function::kTanh); }},
      {"zeros_like", [](const Operands& o) { return unary(o, Function::kFill, 0, 0); }},
  };
  return rows;
}

}  // namespace torchstreamer::graph
