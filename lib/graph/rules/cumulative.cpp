// Cumulative operators: sums, products, maxima and minima of all frames so far.
#include <ATen/Dispatch.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <cmath>
#include <limits>

#include "graph/rules/families.h"
#include "graph/rules/support/arguments.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/pointwise.h"
#include "streams/recurrent.h"

namespace torchstreamer::graph {
namespace {

// Returns the type in which torch accumulates: float64 for float32 (acc_type of
// aten/src/ATen/AccumulateType.h, on a CPU).
at::ScalarType accumulated(at::ScalarType type) {
  if (type == at::kFloat || type == at::kHalf || type == at::kBFloat16) return at::kDouble;
  return type == at::kComplexFloat ? at::kComplexDouble : type;
}

struct Scan {
  torch::jit::Operation operation;
  std::vector<IValue> rest;  // the arguments after the dimension
  at::ScalarType type;       // type of the result

  // Returns the results along axis 0: values, and for cummax and cummin also indices.
  Tensors operator()(const Tensor& frames) const {
    torch::jit::Stack stack = {frames, int64_t{0}};
    stack.insert(stack.end(), rest.begin(), rest.end());
    auto run = operation;
    run(stack);
    Tensors results;
    for (const IValue& value : stack) results.push_back(value.toTensor());
    return results;
  }
};

// Prepends the carried state, which is the result of all earlier frames. This is correct because
// all operators of this family are associative. The initial state is the neutral element.
Tensor with_state(const Tensor& frames, const Tensors& state) {
  return at::cat({state[0], frames});
}

// `name`: cumsum, cumprod, cummax, cummin or logcumsumexp.
Tensor neutral_frame(const std::string& name, const Format& format) {
  const auto shape = format.shape(1);
  const auto options = format.options();
  if (name == "cumsum" || name == "cumprod")
    return at::full(shape, name == "cumsum" ? 0 : 1, options);
  const bool is_least = name == "cummin";
  if (at::isFloatingType(format.dtype))
    return at::full(shape, is_least ? INFINITY : -INFINITY, options);
  return AT_DISPATCH_INTEGRAL_TYPES_AND(at::kBool, format.dtype, "neutral_frame", [&] {
    using Limits = std::numeric_limits<scalar_t>;
    return at::full(shape, is_least ? Limits::max() : Limits::lowest(), options);
  });
}

Tensor last_frame(const Tensor& frames) { return frames.narrow(0, frames.size(0) - 1, 1).clone(); }

RecurrentRule values_rule(const Scan& scan) {
  return [scan](const Tensor& x, const Tensors& state) {
    const Tensor all = scan(with_state(x.to(accumulated(scan.type)), state))[0];
    return std::make_pair(all.narrow(0, all.size(0) - x.size(0), x.size(0)).to(scan.type),
                          Tensors{last_frame(all)});
  };
}

// Returns the rule of cummax and cummin. Its state is the last value, its index, and the number of
// frames so far.
RecurrentRule places_rule(const Scan& scan) {
  return [scan](const Tensor& x, const Tensors& state) {
    const Tensors all = scan(with_state(x, state));
    const Tensor& seen = state[2];
    const Tensor found = all[1].narrow(0, 1, x.size(0));
    const Tensor places = state[1].where(found.eq(0), found + (seen - 1));
    return std::make_pair(places,
                          Tensors{last_frame(all[0]), last_frame(places), seen + x.size(0)});
  };
}

// (self, dim), for sums and products (self, dim, dtype).
Scan scan_of(const Call& call, at::ScalarType dtype) {
  Scan scan{call.node->getOperation(), {}, dtype};
  const bool has_dtype = call.args.size() > 2;
  if (!has_dtype) return scan;
  const IValue given = call.constant(2);
  if (!given.isNone())
    scan.type = static_cast<at::ScalarType>(given.toInt());
  else if (at::isIntegralType(dtype, /*includeBool=*/true))
    scan.type = at::kLong;
  scan.rest.emplace_back();
  return scan;
}

Stream add_values(const Call& call, const Scan& scan, const std::string& name, const Stream& x) {
  Format format = call.plan.format(x);
  format.dtype = accumulated(scan.type);
  RecurrentOptions options{values_rule(scan), {neutral_frame(name, format)}, name};
  options.may_be_empty = true;
  if (name == "cumsum" && x.dtype == at::kFloat && scan.type == at::kFloat)
    options.computation = CumulativeSum{};
  return add_layer(call, recurrent_layer(options), x);
}

Stream add_places(const Call& call, const Scan& scan, const std::string& name, const Stream& x) {
  const Tensor value = neutral_frame(name, call.plan.format(x));
  const Tensor place = at::zeros_like(value, at::kLong);
  const Tensor seen = at::zeros({}, place.options());
  RecurrentOptions options{places_rule(scan), {value, place, seen}, name + " places"};
  options.may_be_empty = true;
  return add_layer(call, recurrent_layer(options), x);
}

std::vector<Value> cumulative(const Call& call) {
  const Stream x = call.stream(0);
  if (axis_argument(call, 1, x) != x.axis) return pointwise(call);
  const Scan scan = scan_of(call, x.dtype);
  const std::string name = call.node->kind().toUnqualString();
  std::vector<Value> results = {add_values(call, scan, name, x)};
  if (call.node->outputs().size() > 1) results.emplace_back(add_places(call, scan, name, x));
  return results;
}

}  // namespace

const RuleRows& cumulative_rules() {
  static const RuleRows rows = {
      {"aten::cummax", cumulative},       {"aten::cummin", cumulative},
      {"aten::cumprod", cumulative},      {"aten::cumsum", cumulative},
      {"aten::logcumsumexp", cumulative},
  };
  return rows;
}

}  // namespace torchstreamer::graph
