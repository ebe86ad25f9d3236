#include "network/multiply_adds.h"

#include <ATen/record_function.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "support/tensor.h"

namespace torchstreamer {
namespace {

// Multiply-adds of one call: `per_element_out` for each output element, plus `fixed`.
struct Cost {
  int64_t per_element_out = 0;
  int64_t fixed = 0;
};

using Inputs = c10::ArrayRef<const c10::IValue>;

// Cost of a sum over the last axis of operand `Index`.
template <size_t Index>
Cost product(const Inputs& in) {
  return {in.at(Index).toTensor().size(-1), 0};
}

// (input, weight, bias, stride, padding, dilation, transposed, ...): every output is the sum of the
// products with a filter; if transposed, every input is multiplied by all weights of a filter.
Cost convolution(const Inputs& in) {
  const Tensor weight = in.at(1).toTensor();
  const int64_t filter = weight.size(0) ? weight.numel() / weight.size(0) : 0;
  if (in.at(6).toBool()) return {0, in[0].toTensor().numel() * filter};
  return {filter, 0};
}

// (input, other input, weight [N, K, L], ...): every output is the sum of the products of two
// samples with a weight.
Cost bilinear(const Inputs& in) {
  const Tensor weight = in.at(2).toTensor();
  return {weight.size(1) * weight.size(2), 0};
}

// (input [T, B, K], weight [taps, K, L], ...): every output is the sum of the products with a
// filter.
Cost convolution_over_frames(const Inputs& in) {
  const Tensor weight = in.at(1).toTensor();
  return {weight.size(0) * weight.size(1), 0};
}

// (input, state, weights, ...), or (packed input, batch sizes, state, weights, ...): every frame is
// multiplied by every matrix.
Cost recurrence(const Inputs& in) {
  const Tensor x = in.at(0).toTensor();
  const int64_t frames = x.size(-1) ? x.numel() / x.size(-1) : 0;
  int64_t products = 0;
  const bool is_packed = in.at(3).isTensorList();
  for (const Tensor& weight : in.at(is_packed ? 3 : 2).toTensorVector())
    if (weight.dim() == 2) products += weight.numel();
  return {0, frames * products};
}

// (query, key, value, ...): every query is multiplied by every key, every weight by its value.
Cost attention(const Inputs& in) {
  const Tensor query = in.at(0).toTensor(), key = in.at(1).toTensor(), value = in.at(2).toTensor();
  const int64_t queries = query.size(-1) ? query.numel() / query.size(-1) : 0;
  return {0, queries * key.size(-2) * (query.size(-1) + value.size(-1))};
}

using Rule = Cost (*)(const Inputs& in);

Rule rule_of(const std::string& operator_name) {
  static const std::map<std::string, Rule> rules = {
      {"aten::linear", product<0>},
      {"aten::matmul", product<0>},
      {"aten::mm", product<0>},
      {"aten::bmm", product<0>},
      {"aten::mv", product<0>},
      {"aten::dot", product<0>},
      {"aten::addmm", product<1>},
      {"aten::addmv", product<1>},
      {"aten::baddbmm", product<1>},
      {"aten::addbmm", product<1>},
      {"aten::bilinear", bilinear},
      {"aten::convolution", convolution},
      {"aten::_convolution", convolution},  // of traced models
      {"aten::conv_tbc", convolution_over_frames},
      {"aten::lstm", recurrence},
      {"aten::gru", recurrence},
      {"aten::rnn_tanh", recurrence},
      {"aten::rnn_relu", recurrence},
      {"aten::scaled_dot_product_attention", attention},
      {"aten::_scaled_dot_product_attention", attention},
  };
  const auto row = rules.find(operator_name);
  return row == rules.end() ? nullptr : row->second;
}

// Returns none for an operator without a rule. The operators that it calls may have one.
std::optional<Cost> cost_of(const at::RecordFunction& call) {
  const Rule rule = rule_of(call.name());
  if (!rule) return std::nullopt;
  try {
    return rule(call.inputs());
  } catch (const std::exception&) {  // a different overload
    return std::nullopt;
  }
}

// Returns the number of elements of all tensors.
template <typename Values>
int64_t elements_of(const Values& values) {
  int64_t elements = 0;
  for (const c10::IValue& value : values)
    value.visit([&](const c10::IValue& part) {
      if (part.isTensor() && part.toTensor().defined()) elements += part.toTensor().numel();
      return part.isObject();
    });
  return elements;
}

// The counter of this thread.
struct Counter {
  OperatorWork work;
  int observers = 0;
  int depth = 0;           // number of operators that have not returned
  bool is_inside = false;  // of an operator with a rule
};
thread_local Counter counter;

struct Counted : at::ObserverContext {
  std::optional<Cost> cost;
};

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& call) {
  auto counted = std::make_unique<Counted>();
  ++counter.depth;
  if (!counter.is_inside) counted->cost = cost_of(call);
  counter.is_inside |= counted->cost.has_value();
  return counted;
}

void leave(const at::RecordFunction& call, at::ObserverContext* context) {
  const bool is_outermost = --counter.depth == 0;
  const std::optional<Cost>& cost = static_cast<const Counted*>(context)->cost;
  if (!is_outermost && !cost) return;
  const int64_t elements = elements_of(call.outputs());
  if (cost) {
    counter.is_inside = false;
    counter.work.multiply_adds += cost->fixed + cost->per_element_out * elements;
  }
  if (is_outermost) {
    counter.work.elements += elements;
    ++counter.work.operators;
  }
}

}  // namespace

WorkObserver::WorkObserver() : before_(counter.work) {
  if (counter.observers++ == 0) observation_.emplace(&enter, &leave);
}

WorkObserver::~WorkObserver() { --counter.observers; }

OperatorWork WorkObserver::work() const {
  const OperatorWork& now = counter.work;
  return {now.multiply_adds - before_.multiply_adds, now.elements - before_.elements,
          now.operators - before_.operators};
}

int64_t counted_multiply_adds(const std::function<void()>& computation) {
  const WorkObserver observer;
  computation();
  return observer.work().multiply_adds;
}

}  // namespace torchstreamer
