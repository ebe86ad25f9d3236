#include "blocks/block_state.h"

#include <c10/core/InferenceMode.h>

#include <functional>
#include <set>

#include "graph/script/module_copy.h"
#include "support/shared_storages.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

// Counts the memory of values: each tensor storage, object and container once.
class MemoryCount {
 public:
  // Returns the bytes of the parts that have not been added before.
  int64_t add(const IValue& value) {
    int64_t bytes = 0;
    value.visit([&](const IValue& part) {
      const void* const memory = memory_of(part);
      if (!memory) return false;
      const bool is_new = counted_.insert(memory).second;
      if (is_new) bytes += bytes_of(part);
      return !is_new;
    });
    return bytes;
  }

 private:
  // Returns the identity of the memory; null for numbers.
  static const void* memory_of(const IValue& part) {
    if (part.isTensor()) return part.toTensor().defined() ? storage_of(part.toTensor()) : nullptr;
    const bool has_memory = part.isObject() || part.isList() || part.isGenericDict() ||
                            part.isTuple() || part.isString();
    return has_memory ? part.internalToPointer() : nullptr;
  }

  static int64_t bytes_of(const IValue& part) {
    if (part.isTensor()) return static_cast<int64_t>(part.toTensor().storage().nbytes());
    if (part.isString()) return static_cast<int64_t>(part.toStringRef().size());
    size_t items = 0;
    if (part.isObject()) items = part.toObjectRef().slots().size();
    if (part.isList()) items = part.toListRef().size();
    if (part.isTuple()) items = part.toTupleRef().elements().size();
    if (part.isGenericDict()) items = 2 * part.toGenericDict().size();
    return static_cast<int64_t>(items * sizeof(IValue));
  }

  std::set<const void*> counted_;
};

}  // namespace

BlockState::BlockState(std::shared_ptr<const BlockMethod> method, int64_t rate_hz)
    : method_(std::move(method)), rate_hz_(rate_hz), inputs_(method_->inputs()) {
  c10::InferenceMode guard;
  initial_ = method_->arguments(inputs_, rate_hz_);
}

IValue BlockState::call(const Tensor& argument) {
  c10::InferenceMode guard;
  if (!is_started_) start();
  ++calls_;
  torch::jit::Stack values = values_;
  // A call from Python gets new lists of the same tensors.
  for (IValue& value : values)
    if (value.isList() || value.isGenericDict())
      value = graph::copied(value, [](const Tensor& tensor) { return tensor; });
  values[method_->signal_argument()] = argument;
  const IValue returned = method_->run(std::move(values));
  keep_returned_states(returned);
  return returned;
}

void BlockState::start() {
  torch::jit::Stack values = initial_copy();
  values[0] = method_->start_module();
  values_ = std::move(values);
  is_started_ = true;
}

// Copies the tensors, because the model may write to them.
torch::jit::Stack BlockState::initial_copy() const {
  torch::jit::Stack values = initial_;
  for (IValue& value : values)
    value = graph::copied(value, [](const Tensor& tensor) { return tensor.clone(); });
  return values;
}

void BlockState::keep_returned_states(const IValue& returned) {
  for (const ReturnedState& state : method_->returned_states())
    values_[state.argument] = state.value_in(returned);
}

void BlockState::set_inputs(const NamedValues& inputs) {
  c10::InferenceMode guard;
  NamedValues all = inputs_;
  for (const auto& [name, value] : inputs) all[name] = value;
  method_->require_may_change(inputs);
  torch::jit::Stack initial = method_->arguments(all, rate_hz_);
  inputs_ = std::move(all);
  initial_ = std::move(initial);
  if (!is_started_) return;
  const torch::jit::Stack values = initial_copy();
  const auto& arguments = method_->schema().arguments();
  for (size_t i = 1; i < values.size(); ++i)
    if (inputs.count(arguments[i].name()) > 0) values_[i] = values[i];
}

const IValue& BlockState::returned_state(size_t index) const {
  return (is_started_ ? values_ : initial_).at(method_->returned_states().at(index).argument);
}

// Callers ask after each push. Only lists and dictionaries may grow later.
int64_t BlockState::held_bytes() const {
  if (calls_ >= next_count_) {
    held_bytes_ = counted_bytes();
    next_count_ = 2 * calls_ + 1;
  }
  return held_bytes_;
}

int64_t BlockState::counted_bytes() const {
  MemoryCount memory;
  memory.add(method_->model().module()._ivalue());  // is shared
  int64_t bytes = 0;
  for (const torch::jit::Stack& values : {std::cref(values_), std::cref(initial_)})
    for (const IValue& value : values) bytes += memory.add(value);
  return bytes;
}

}  // namespace torchstreamer::blocks
