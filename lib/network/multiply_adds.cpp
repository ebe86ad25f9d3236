#include "network/multiply_adds.h"

#include <ATen/record_function.h>

#include <map>
#include <memory>
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

// (input, state, weights, ...): every frame is multiplied by every matrix.
Cost recurrence(const Inputs& in) {
  const Tensor x = in.at(0).toTensor();
  const int64_t frames = x.size(-1) ? x.numel() / x.size(-1) : 0;
  int64_t products = 0;
  for (const Tensor& weight : in.at(2).toTensorVector())
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
      {"aten::convolution", convolution},
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

// The counter of this thread. An operator may call other operators; only the outermost one is
// counted.
struct Counter {
  int64_t multiply_adds = 0;
  bool is_inside = false;
};
thread_local Counter* counter = nullptr;

struct Counted : at::ObserverContext {
  explicit Counted(Cost cost) : cost(cost) {}
  Cost cost;
};

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& call) {
  if (counter->is_inside) return nullptr;
  const Rule rule = rule_of(call.name());
  if (!rule) return nullptr;
  try {
    auto counted = std::make_unique<Counted>(rule(call.inputs()));
    counter->is_inside = true;
    return counted;
  } catch (const std::exception&) {  // a different overload: its inner operators are counted
    return nullptr;
  }
}

void leave(const at::RecordFunction& call, at::ObserverContext* context) {
  if (!context) return;
  const Cost cost = static_cast<Counted*>(context)->cost;
  counter->is_inside = false;
  counter->multiply_adds += cost.fixed;
  for (const c10::IValue& out : call.outputs())
    if (out.isTensor() && out.toTensor().defined())
      counter->multiply_adds += cost.per_element_out * out.toTensor().numel();
}

class Observation {
 public:
  Observation()
      : outer_(counter),
        handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(enter, leave)
                                               .needsInputs(true)
                                               .needsOutputs(true)
                                               .scopes({at::RecordScope::FUNCTION}))) {
    counter = &own_;
  }
  ~Observation() {
    at::removeCallback(handle_);
    counter = outer_;
  }
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;

  int64_t multiply_adds() const { return own_.multiply_adds; }

 private:
  Counter own_;
  Counter* outer_;
  at::CallbackHandle handle_;
};

}  // namespace

int64_t counted_multiply_adds(const std::function<void()>& computation) {
  const Observation observation;
  computation();
  return observation.multiply_adds();
}

}  // namespace torchstreamer
