#include "graph/arithmetic.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <limits>
#include <map>
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

  const Call& call() const { return call_; }

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
  return {};
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
  if (!is_features || o.call().planner.format(x).batch() != 1 || o.is_stream(1)) return {};
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

using Table = std::map<std::string, Arithmetic (*)(const Operands&)>;

// By the name of the operator, without "aten::" and without the "_" of those in place.
const Table& table() {
  static const Table rows = {
      {"abs", [](const Operands& o) { return unary(o, Function::kAbs); }},
      {"add", [](const Operands& o) { return sum(o, 1); }},
      {"batch_norm", batch_norm},
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
      {"glu", glu},
      {"hardtanh", clamp},
      {"leaky_relu",
       [](const Operands& o) { return unary(o, Function::kLeakyRelu, o.number(1).value()); }},
      {"linear", linear},
      {"maximum", [](const Operands& o) { return binary(o, Function::kMaximum); }},
      {"minimum", [](const Operands& o) { return binary(o, Function::kMinimum); }},
      {"mul", product},
      {"neg", [](const Operands& o) { return unary(o, Function::kScale, -1, 0); }},
      {"ones_like", [](const Operands& o) { return unary(o, Function::kFill, 0, 1); }},
      {"pow", power},
      {"prelu", prelu},
      {"reciprocal", [](const Operands& o) { return unary(o, Function::kReciprocal); }},
      {"relu", [](const Operands& o) { return unary(o, Function::kRelu); }},
      {"relu6", [](const Operands& o) { return unary(o, Function::kClamp, 0, 6); }},
      {"rsub", reversed_difference},
      {"sigmoid", [](const Operands& o) { return unary(o, Function::kSigmoid); }},
      {"silu", [](const Operands& o) { return unary(o, Function::kSilu); }},
      {"sin", [](const Operands& o) { return unary(o, Function::kSin); }},
      {"sqrt", [](const Operands& o) { return unary(o, Function::kSqrt); }},
      {"square", [](const Operands& o) { return unary(o, Function::kSquare); }},
      {"sub", [](const Operands& o) { return sum(o, -1); }},
      {"tanh", [](const Operands& o) { return unary(o, Function::kTanh); }},
      {"zeros_like", [](const Operands& o) { return unary(o, Function::kFill, 0, 0); }},
  };
  return rows;
}

bool is_over_float32(const PointwiseProcess& process) {
  if (process.output.dtype != at::kFloat) return false;
  for (const Format& f : process.formats)
    if (f.dtype != at::kFloat || !f.device.is_cpu()) return false;
  return true;
}

int64_t samples_out(const PointwiseProcess& process) {
  int64_t samples = 1;
  for (const int64_t n : process.output.shape) samples *= n < 0 ? 1 : n;
  return samples;
}

// Whether every operand has a sample for each of the output's.
bool fits(const Elementwise& function, const PointwiseProcess& process) {
  const int64_t samples = samples_out(process);
  for (const Operand& o : function.operands) {
    const int64_t has = o.input < 0         ? o.constant.numel()
                        : !o.spread.empty() ? static_cast<int64_t>(o.spread.size())
                                            : process.formats[o.input].samples();
    if (has != samples) return false;
  }
  return true;
}

}  // namespace

Arithmetic arithmetic_of(const Call& call, const PointwiseProcess& process) {
  if (!is_over_float32(process)) return {};
  std::string name = call.node->kind().toUnqualString();
  if (name.size() > 1 && name.back() == '_') name.pop_back();
  if (moves_samples(name)) return rearrangement(process);
  const auto row = table().find(name);
  if (row == table().end() || process.rate != 1 || process.block != 1) return {};
  try {
    const Arithmetic found = row->second(Operands(call, process));
    const auto* function = std::get_if<Elementwise>(&found);
    return function && !fits(*function, process) ? Arithmetic() : found;
  } catch (const std::exception&) {
    return {};  // arguments that the row does not know: the operator itself does
  }
}

}  // namespace torchstreamer::graph
