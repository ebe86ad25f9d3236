#include "blocks/row_observer.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "support/operator_observation.h"

namespace torchstreamer::blocks {
namespace {

using c10::IValue;

struct Observed {
  int64_t rows = 1;
  bool are_lost = false;
};

thread_local Observed observed;

// The inputs of an operator are known only when it starts.
struct Operator : at::ObserverContext {
  bool has_rows = false;
};

template <typename Predicate>
bool any_tensor(const IValue& value, const Predicate& predicate) {
  bool is_any = false;
  value.visit([&](const IValue& part) {
    if (part.isTensor() && part.toTensor().defined()) is_any |= predicate(part.toTensor().numel());
    return is_any || part.isObject();
  });
  return is_any;
}

std::unique_ptr<at::ObserverContext> observe_inputs(const at::RecordFunction& function) {
  auto context = std::make_unique<Operator>();
  // new_zeros() and similar ones take the type of a tensor only.
  if (std::string(function.name()).rfind("aten::new_", 0) == 0) return context;
  for (const IValue& input : function.inputs())
    context->has_rows |= any_tensor(
        input, [](int64_t elements) { return elements > 0 && elements % observed.rows == 0; });
  return context;
}

void observe_outputs(const at::RecordFunction& function, at::ObserverContext* context) {
  if (!static_cast<const Operator*>(context)->has_rows) return;
  for (const IValue& output : function.outputs())
    observed.are_lost |=
        any_tensor(output, [](int64_t elements) { return elements % observed.rows != 0; });
}

}  // namespace

bool loses_rows(const std::function<void()>& call, int64_t rows) {
  observed = {rows};
  const OperatorObservation observation(&observe_inputs, &observe_outputs);
  call();
  return observed.are_lost;
}

}  // namespace torchstreamer::blocks
