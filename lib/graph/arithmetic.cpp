#include "graph/arithmetic.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>
#include <map>

#include "graph/floats.h"
#include "graph/linear.h"
#include "graph/rearrangement.h"

namespace torchstreamer::graph {
namespace {

// The operands of an operator over samples.
class Operands {
 public:
  Operands(const Call& call, const PointwiseProcess& process) : call_(call), process_(process) {
    for (const Value& arg : call.args) inputs_.push_back(arg.stream() ? streams_++ : -1);
  }

  bool is_stream(size_t i) const { return call_.args.at(i).stream() != nullptr; }
  bool is_none(size_t i) const {
    const IValue* value = call_.args.at(i).constant();
    return value && value->isNone();
  }

  // A number that is not computed from the signal; none for tensors.
  std::optional<double> number(size_t i) const {
    const IValue* value = call_.args.at(i).constant();
    if (!value) return std::nullopt;
    if (value->isTensor() && value->toTensor().numel() == 1 && value->toTensor().dim() == 0)
      return value->toTensor().item<double>();
    if (!value->isScalar()) return std::nullopt;
    return value->toScalar().to<double>();
  }

  // A stream, a number, or a tensor that is the same at all times; none for others.
  std::optional<Operand> operand(size_t i) const {
    if (is_stream(i)) return Operand{inputs_[i], {}, spread(*call_.args[i].stream())};
    if (const auto n = number(i))
      return Operand{-1, at::full(frame(), *n, at::kFloat).flatten(), {}};
    const IValue* value = call_.args.at(i).constant();
    if (!value || !value->isTensor() || !value->toTensor().defined()) return std::nullopt;
    return in_frame(value->toTensor());
  }

  // A tensor by the rules of broadcasting, in the order of a frame's samples.
  std::optional<Operand> in_frame(const Tensor& x) const {
    auto shape = process_.output.shape;
    shape[process_.output.axis] = 1;
    if (!at::isFloatingType(x.scalar_type()) && !at::isIntegralType(x.scalar_type(), true))
      return std::nullopt;
    try {
      return Operand{-1, x.to(at::kFloat).expand(shape).contiguous().flatten(), {}};
    } catch (const std::exception&) {
      return std::nullopt;  // it has a time axis of its own
    }
  }

  // See Operand. The samples of a frame are numbered and broadcast.
  std::vector<int64_t> spread(const Stream& x) const {
    auto shape = x.shape, out = process_.output.shape;
    shape[x.axis] = out[process_.output.axis] = 1;
    int64_t samples = 1;
    for (const int64_t n : shape) samples *= n;
    if (shape == out || shape.size() > out.size()) return {};
    try {
      const Tensor moved = at::arange(samples, at::kLong).view(shape).expand(out).contiguous();
      if (moved.numel() == samples) return {};
      return {moved.data_ptr<int64_t>(), moved.data_ptr<int64_t>() + moved.numel()};
    } catch (const std::exception&) {
      return {};
    }
  }

  // The tensor argument `i` along the channels, axis 1 of the model's signal.
  std::optional<Operand> over_channels(const Tensor& x) const {
    if (process_.output.shape.size() < 2) return std::nullopt;
    std::vector<int64_t> shape(process_.output.shape.size(), 1);
    shape[1] = -1;
    return in_frame(x.reshape(shape));
  }

  // For each number of the output, those `parts` of the operand's that it is made of: 0 is the real
  // one, 1 the imaginary one; a real operand has itself alone.
  Operand parts(size_t i, const std::vector<int>& parts) const {
    const Stream& x = *call_.args.at(i).stream();
    const auto from = spread(x);
    int64_t numbers = 1;
    for (const int64_t n : frame()) numbers *= n;
    Operand operand{inputs_[i], {}, {}};
    for (int64_t n = 0; n < numbers; ++n)
      for (const int part : parts) {
        const int64_t number = from.empty() ? n : from[n];
        operand.spread.push_back(at::isComplexType(x.dtype) ? 2 * number + part : number);
      }
    return operand;
  }
  bool is_complex(size_t i) const {
    return is_stream(i) && at::isComplexType(call_.args[i].stream()->dtype);
  }

  const Call& call() const { return call_; }
  const PointwiseProcess& process() const { return process_; }

 private:
  std::vector<int64_t> frame() const {
    auto shape = process_.output.shape;
    shape.erase(shape.begin() + process_.output.axis);
    return shape;
  }

  const Call& call_;
  const PointwiseProcess& process_;
  std::vector<int> inputs_;
  int streams_ = 0;
};

// What a Function makes, as an operand of another.
Operand made(Function function, std::vector<Operand> operands, double p = 0, double q = 0) {
  Operand made;
  made.result = std::make_shared<Elementwise>(Elementwise{function, std::move(operands), p, q});
  return made;
}

Arithmetic unary(const Operands& o, Function function, double p = 0, double q = 0) {
  const auto a = o.operand(0);
  if (!a) return {};
  return Elementwise{function, {*a}, p, q};
}

Arithmetic binary(const Operands& o, Function function, double p = 0) {
  const auto a = o.operand(0), b = o.operand(1);
  if (!a || !b) return {};
  return Elementwise{function, {*a, *b}, p, 0};
}

// (a, b, alpha): a + sign * alpha * b.
Arithmetic sum(const Operands& o, double sign) {
  const auto alpha = o.number(2);
  if (!alpha) return {};
  if (const auto b = o.number(1)) return unary(o, Function::kScale, 1, sign * *alpha * *b);
  return binary(o, Function::kAdd, sign * *alpha);
}

Arithmetic product(const Operands& o) {
  if (const auto b = o.number(1)) return unary(o, Function::kScale, *b, 0);
  return binary(o, Function::kMultiply);
}

// The last argument of div() may say how to round.
Arithmetic quotient(const Operands& o) {
  if (o.call().args.size() > 2 && !o.is_none(2)) return {};
  return binary(o, Function::kDivide);
}

// (a, b, alpha): b - alpha * a.
Arithmetic reversed_difference(const Operands& o) {
  const auto b = o.number(1), alpha = o.number(2);
  if (!b || !alpha) return {};
  return unary(o, Function::kScale, -*alpha, *b);
}

// (x, min, max), either of which may be None.
Arithmetic clamp(const Operands& o) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto low = o.is_none(1) ? -kInfinity : o.number(1);
  const auto high = o.call().args.size() < 3 || o.is_none(2) ? kInfinity : o.number(2);
  if (!low || !high) return {};
  return unary(o, Function::kClamp, *low, *high);
}

Arithmetic power(const Operands& o) {
  const auto exponent = o.number(1);
  if (!o.is_stream(0) || !exponent) return {};
  if (*exponent == 2) return unary(o, Function::kSquare);
  if (*exponent == 0.5) return unary(o, Function::kSqrt);
  if (*exponent == -1) return unary(o, Function::kReciprocal);
  const auto x = o.operand(0);
  if (*exponent == -0.5) return Elementwise{Function::kReciprocal, {made(Function::kSqrt, {*x})}};
  if (*exponent == 3) return Elementwise{Function::kMultiply, {*x, made(Function::kSquare, {*x})}};
  if (*exponent == 4) return Elementwise{Function::kSquare, {made(Function::kSquare, {*x})}};
  return {};
}

Arithmetic inverse_root(const Operands& o) {
  return Elementwise{Function::kReciprocal, {made(Function::kSqrt, {o.operand(0).value()})}};
}

// x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x^3)) is x * (1 + tanh(...)) / 2.
Arithmetic gelu(const Operands& o) {
  const bool is_exact = o.call().args.size() < 2 || o.call().constant(1).toStringRef() == "none";
  if (is_exact) return unary(o, Function::kGelu);
  const Operand x = o.operand(0).value();
  const double scale = 2 * std::sqrt(2 / M_PI);
  const Operand factor =
      made(Function::kScale, {made(Function::kSquare, {x})}, 0.044715 * scale, scale);
  return Elementwise{Function::kMultiply,
                     {x, made(Function::kSigmoid, {made(Function::kMultiply, {x, factor})})}};
}

// (x, beta, threshold).
Arithmetic softplus(const Operands& o) {
  return unary(o, Function::kSoftplus, o.number(1).value(), o.number(2).value());
}

Arithmetic mish(const Operands& o) {
  const Operand x = o.operand(0).value();
  return Elementwise{Function::kMultiply,
                     {x, made(Function::kTanh, {made(Function::kSoftplus, {x}, 1, 20)})}};
}

// clamp(x + 3, 0, 6) / 6.
Operand hard_sigmoid(const Operand& x) {
  const Operand clamped = made(Function::kClamp, {made(Function::kScale, {x}, 1, 3)}, 0, 6);
  return made(Function::kScale, {clamped}, 1. / 6, 0);
}

Arithmetic hard_swish(const Operands& o) {
  const Operand x = o.operand(0).value();
  return Elementwise{Function::kMultiply, {x, hard_sigmoid(x)}};
}

// -softplus(-x).
Arithmetic log_sigmoid(const Operands& o) {
  const Operand x = made(Function::kScale, {o.operand(0).value()}, -1, 0);
  return Elementwise{Function::kScale, {made(Function::kSoftplus, {x}, 1, 20)}, -1, 0};
}

// (x, lambda): what lies beyond the clamp.
Arithmetic soft_shrink(const Operands& o) {
  const Operand x = o.operand(0).value();
  const double limit = o.number(1).value();
  return Elementwise{Function::kAdd, {x, made(Function::kClamp, {x}, -limit, limit)}, -1};
}

Arithmetic logarithm(const Operands& o, double base) {
  return Elementwise{
      Function::kScale, {made(Function::kLog, {o.operand(0).value()})}, 1 / std::log(base), 0};
}

Arithmetic rounded(const Operands& o, Function function) {
  if (o.call().args.size() > 1) return {};  // to decimals
  return unary(o, function);
}

// (x, alpha, scale, input_scale).
Arithmetic elu(const Operands& o) {
  if (o.number(2) != 1.0 || o.number(3) != 1.0) return {};
  return unary(o, Function::kElu, o.number(1).value());
}

Arithmetic prelu(const Operands& o) {
  const Tensor weight = o.call().tensor(1);
  const auto slope = weight.numel() == 1 ? o.in_frame(weight.flatten()) : o.over_channels(weight);
  const auto x = o.operand(0);
  if (!slope || !x) return {};
  return Elementwise{Function::kPrelu, {*x, *slope}, 0, 0};
}

// (input, weight, bias, running_mean, running_var, training, momentum, eps, ...).
Arithmetic batch_norm(const Operands& o) {
  const Tensor mean = o.call().tensor(3).to(at::kDouble), weight = o.call().tensor(1);
  Tensor scale = (o.call().tensor(4).to(at::kDouble) + o.number(7).value()).rsqrt();
  if (weight.defined()) scale = scale * weight;
  Tensor shift = -mean * scale;
  if (o.call().tensor(2).defined()) shift = shift + o.call().tensor(2);
  const auto a = o.over_channels(scale), b = o.over_channels(shift);
  if (!a || !b) return {};
  return Affine{a->constant, b->constant};
}

// (input, weight, bias), over the last axis.
Arithmetic linear(const Operands& o) {
  const Stream x = o.call().stream(0);
  const bool is_features = x.axis + 1 < static_cast<int>(x.shape.size());
  if (o.call().tensor(1).dim() != 2) return {};
  if (!is_features || o.is_stream(1)) return {};
  return Convolution1d{o.call().tensor(1).unsqueeze(-1), o.call().tensor(2)};
}

// (x, dim), over the channels, or features, of one signal.
Arithmetic glu(const Operands& o) {
  const Stream x = o.call().stream(0);
  const int rank = static_cast<int>(x.shape.size());
  const int64_t dim = (o.call().integer(1) + rank) % rank;
  const bool is_only_axis =
      x.shape[dim] == o.call().planner.format(x).batch() * o.call().planner.format(x).channels();
  if (dim == x.axis || !is_only_axis) return {};
  return Gate{};
}

// Over the axes `dims` of the model's tensor, none of which is time, as one axis of a frame.
std::optional<Reduction> over_axes(const Operands& o, std::vector<int64_t> dims) {
  const Stream x = o.call().stream(0);
  const int64_t rank = static_cast<int64_t>(x.shape.size());
  std::vector<bool> is_reduced(rank, false);
  for (const int64_t dim : dims) is_reduced.at((dim + rank) % rank) = true;
  Reduction r;
  enum { kBefore, kWithin, kBehind } place = kBefore;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (dim == x.axis) {
      if (is_reduced[dim]) return std::nullopt;
      continue;
    }
    if (is_reduced[dim] && place == kBehind) return std::nullopt;
    if (is_reduced[dim]) place = kWithin;
    if (!is_reduced[dim] && place == kWithin) place = kBehind;
    (place == kBefore ? r.outer : place == kWithin ? r.size : r.inner) *= x.shape[dim];
  }
  if (place == kBefore) return std::nullopt;
  return r;
}

std::vector<int64_t> dimensions(const Operands& o, size_t i) {
  const IValue dims = o.call().constant(i);
  return dims.isInt() ? std::vector<int64_t>{dims.toInt()} : dims.toIntVector();
}

// (x, dims, ...).
Arithmetic reduction(const Operands& o, Reduction::Kind kind, bool is_mean = false) {
  auto r = over_axes(o, dimensions(o, 1));
  if (!r) return {};
  r->kind = kind;
  if (is_mean) r->factor = 1. / static_cast<double>(r->size);
  return *r;
}

// (x, dims, unbiased or correction, keepdim).
Arithmetic variance(const Operands& o) {
  auto r = over_axes(o, dimensions(o, 1));
  const IValue correction = o.call().constant(2);
  if (!r || o.call().args.size() != 4) return {};
  r->kind = Reduction::kVariance;
  r->p = correction.isBool() ? correction.toBool() : correction.isNone() ? 1 : o.number(2).value();
  return *r;
}

// (x, shape, weight, bias, eps, ...), over the last axes.
Arithmetic layer_norm(const Operands& o) {
  std::vector<int64_t> dims;
  for (size_t i = 0; i < o.call().constant(1).toIntVector().size(); ++i)
    dims.push_back(-1 - static_cast<int64_t>(i));
  auto r = over_axes(o, dims);
  if (!r || r->inner != 1) return {};
  r->kind = Reduction::kNormalised;
  r->p = o.number(4).value();
  const Tensor weight = o.call().tensor(2), bias = o.call().tensor(3);
  auto in_all_frames = [&](const Tensor& x) {
    return x.defined() ? x.flatten().repeat({r->outer}) : x;
  };
  r->scale = in_all_frames(weight);
  r->shift = in_all_frames(bias);
  return *r;
}

using Table = std::map<std::string, Arithmetic (*)(const Operands&)>;

// The operator is linear in the one stream among its arguments.
Arithmetic linear_map(const Operands& o) {
  const PointwiseProcess& process = o.process();
  if (process.formats.size() != 1) return {};
  auto rule = [&](const Tensor& frames) { return process.rule({frames}); };
  return linear_window(rule, process.formats[0], 1, 1);
}

// ---- complex numbers

Arithmetic magnitude(const Operands& o) {
  const Operand real = made(Function::kSquare, {o.parts(0, {0})});
  const Operand imaginary = made(Function::kSquare, {o.parts(0, {1})});
  return Elementwise{Function::kSqrt, {made(Function::kAdd, {real, imaginary}, 1)}};
}

// Of two streams; a factor that is a number is one for both parts.
Arithmetic complex_product(const Operands& o) {
  if (o.is_complex(0) && o.number(1)) return linear_map(o);
  if (!o.is_stream(0) || !o.is_stream(1)) return {};
  const Operand real = made(Function::kMultiply, {o.parts(0, {0, 1}), o.parts(1, {0, 0})});
  if (!o.is_complex(1)) return *real.result;
  if (!o.is_complex(0))
    return Elementwise{Function::kMultiply, {o.parts(0, {0, 0}), o.parts(1, {0, 1})}};
  const Operand crossed = made(Function::kMultiply, {o.parts(0, {1, 0}), o.parts(1, {1, 1})});
  // i * i = -1
  const int64_t numbers = static_cast<int64_t>(o.parts(0, {0}).spread.size());
  const Operand signs{-1, at::tensor({-1.f, 1.f}).repeat({numbers}), {}};
  return Elementwise{Function::kAdd, {real, made(Function::kMultiply, {crossed, signs})}, 1};
}

// (a, b, alpha): a + sign * alpha * b.
Arithmetic complex_sum(const Operands& o, double sign) {
  const auto alpha = o.number(2);
  if (!alpha || !o.is_complex(0) || !o.is_complex(1)) return {};
  return Elementwise{Function::kAdd, {o.parts(0, {0, 1}), o.parts(1, {0, 1})}, sign * *alpha};
}

const Table& complex_table() {
  static const Table rows = {
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

// ---- real numbers

// By the name of the operator, without "aten::" and without the "_" of those in place.
const Table& table() {
  static const Table rows = {
      {"abs", [](const Operands& o) { return unary(o, Function::kAbs); }},
      {"add", [](const Operands& o) { return sum(o, 1); }},
      {"amax", [](const Operands& o) { return reduction(o, Reduction::kMaximum); }},
      {"batch_norm", batch_norm},
      {"ceil",
       [](const Operands& o) {
         const Operand negative = made(Function::kScale, {o.operand(0).value()}, -1, 0);
         const Operand floor = made(Function::kFloor, {negative});
         return Arithmetic(Elementwise{Function::kScale, {floor}, -1, 0});
       }},
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
      {"einsum", linear_map},
      {"elu", elu},
      {"exp", [](const Operands& o) { return unary(o, Function::kExp); }},
      {"floor", [](const Operands& o) { return unary(o, Function::kFloor); }},
      {"gelu", gelu},
      {"glu", glu},
      {"hardsigmoid",
       [](const Operands& o) { return Arithmetic(*hard_sigmoid(o.operand(0).value()).result); }},
      {"hardswish", hard_swish},
      {"hardtanh", clamp},
      {"layer_norm", layer_norm},
      {"leaky_relu",
       [](const Operands& o) { return unary(o, Function::kLeakyRelu, o.number(1).value()); }},
      {"linear", linear},
      {"log", [](const Operands& o) { return unary(o, Function::kLog); }},
      {"log10", [](const Operands& o) { return logarithm(o, 10); }},
      {"log1p", [](const Operands& o) { return unary(o, Function::kLog1p); }},
      {"log2", [](const Operands& o) { return logarithm(o, 2); }},
      {"log_sigmoid", log_sigmoid},
      {"matmul", linear_map},
      {"maximum", [](const Operands& o) { return binary(o, Function::kMaximum); }},
      {"mean", [](const Operands& o) { return reduction(o, Reduction::kSum, /*is_mean=*/true); }},
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
      {"sigmoid", [](const Operands& o) { return unary(o, Function::kSigmoid); }},
      {"sign", [](const Operands& o) { return unary(o, Function::kSign); }},
      {"silu", [](const Operands& o) { return unary(o, Function::kSilu); }},
      {"sin", [](const Operands& o) { return unary(o, Function::kSin); }},
      {"softmax", [](const Operands& o) { return reduction(o, Reduction::kSoftmax); }},
      {"softplus", softplus},
      {"softshrink", soft_shrink},
      {"sqrt", [](const Operands& o) { return unary(o, Function::kSqrt); }},
      {"square", [](const Operands& o) { return unary(o, Function::kSquare); }},
      {"sub", [](const Operands& o) { return sum(o, -1); }},
      {"sum", [](const Operands& o) { return reduction(o, Reduction::kSum); }},
      {"tanh", [](const Operands& o) { return unary(o, Function::kTanh); }},
      {"var", variance},
      {"zeros_like", [](const Operands& o) { return unary(o, Function::kFill, 0, 0); }},
  };
  return rows;
}

bool is_complex(const PointwiseProcess& process) {
  if (at::isComplexType(process.output.dtype)) return true;
  for (const Format& f : process.formats)
    if (at::isComplexType(f.dtype)) return true;
  return false;
}

int64_t samples_out(const PointwiseProcess& process) {
  int64_t samples = process.output.dtype == at::kComplexFloat ? 2 : 1;
  for (const int64_t n : process.output.shape) samples *= n < 0 ? 1 : n;
  return samples;
}

bool all_lie_in_floats(const PointwiseProcess& process) {
  if (process.output.dtype != at::kFloat && process.output.dtype != at::kComplexFloat) return false;
  for (const Format& f : process.formats)
    if (!lies_in_floats(f)) return false;
  return true;
}

// Whether every operand has a sample for each of the output's.
bool fits(const Elementwise& function, const PointwiseProcess& process) {
  const int64_t samples = samples_out(process);
  for (const Operand& o : function.operands) {
    if (o.result && fits(*o.result, process)) continue;
    const int64_t has = o.input < 0         ? (o.constant.defined() ? o.constant.numel() : 0)
                        : !o.spread.empty() ? static_cast<int64_t>(o.spread.size())
                                            : floats_of(process.formats[o.input]);
    if (has != samples) return false;
  }
  return true;
}

}  // namespace

Arithmetic arithmetic_of(const Call& call, const PointwiseProcess& process) {
  if (!all_lie_in_floats(process)) return {};
  std::string name = call.node->kind().toUnqualString();
  if (name.size() > 1 && name.back() == '_') name.pop_back();
  if (moves_samples(name)) return rearrangement(process);
  const Table& rows = is_complex(process) ? complex_table() : table();
  const auto row = rows.find(name);
  if (row == rows.end() || process.rate != 1 || process.block != 1) return {};
  try {
    const Arithmetic found = row->second(Operands(call, process));
    const auto* function = std::get_if<Elementwise>(&found);
    return function && !fits(*function, process) ? Arithmetic() : found;
  } catch (const std::exception&) {
    return {};  // arguments that the row does not know: the operator itself does
  }
}

}  // namespace torchstreamer::graph
