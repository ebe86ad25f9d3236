#include "blocks/row_observer.h"

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <memory>
#include <string>

namespace torchstreamer::blocks {
namespace {

using c10::IValue;

struct Observed {
  int64_t rows;
  bool are_lost = false;
};

// Of the call in this thread. RecordFunction takes plain functions only.
thread_local Observed* observed = nullptr;

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
        input, [](int64_t elements) { return elements > 0 && elements % observed->rows == 0; });
  return context;
}

void observe_outputs(const at::RecordFunction& function, at::ObserverContext* context) {
  if (!static_cast<const Operator*>(context)->has_rows) return;
  for (const IValue& output : function.outputs())
    observed->are_lost |=
        any_tensor(output, [](int64_t elements) { return elements % observed->rows != 0; });
}

// Observes the operators of this thread.
class Observation {
 public:
  explicit Observation(Observed* state)
      : handle_(
            at::addThreadLocalCallback(at::RecordFunctionCallback(&observe_inputs, &observe_outputs)
                                           .needsInputs(true)
                                           .needsOutputs(true)
                                           .scopes({at::RecordScope::FUNCTION}))) {
    observed = state;
  }
  ~Observation() {
    at::removeCallback(handle_);
    observed = nullptr;
  }
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;

 private:
  at::CallbackHandle handle_;
};

}  // namespace

bool loses_rows(const std::function<void()>& call, int64_t rows) {
  Observed state{rows};
  const Observation observation(&state);
  call();
  return state.are_lost;
}

}  // namespace torchstreamer::blocks
