#include "blocks/block_state.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "graph/script/module_copy.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

// Adds the memory of the tensors in `value` whose storage is not in `counted`, and adds it there.
int64_t tensor_bytes(const IValue& value, std::vector<const void*>& counted) {
  int64_t bytes = 0;
  value.visit([&](const IValue& part) {
    if (!part.isTensor() || !part.toTensor().defined()) return false;
    const auto& storage = part.toTensor().storage();
    const void* key = storage.unsafeGetStorageImpl();
    if (std::find(counted.begin(), counted.end(), key) != counted.end()) return false;
    counted.push_back(key);
    bytes += static_cast<int64_t>(storage.nbytes());
    return false;
  });
  return bytes;
}

}  // namespace

BlockState::BlockState(std::shared_ptr<const BlockMethod> method, int64_t rate_hz)
    : method_(std::move(method)), rate_hz_(rate_hz), inputs_(method_->inputs()) {
  c10::InferenceMode guard;
  initial_ = method_->arguments(inputs_, rate_hz_);
}

IValue BlockState::call(const Tensor& argument) {
  c10::InferenceMode guard;
  if (!is_started_) start();
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
  attributes_ = method_->changed_attributes(values[0]);
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
  for (const auto& [argument, element] : method_->returned_states())
    values_[argument] = returned.toTupleRef().elements().at(element);
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

std::vector<std::vector<int64_t>> BlockState::state_shapes(size_t index) const {
  const size_t argument = method_->returned_states().at(index).argument;
  std::vector<std::vector<int64_t>> shapes;
  (is_started_ ? values_ : initial_).at(argument).visit([&](const IValue& part) {
    if (part.isTensor()) shapes.push_back(part.toTensor().sizes().vec());
    return false;
  });
  return shapes;
}

int64_t BlockState::held_bytes() const {
  if (!is_started_) return 0;
  std::vector<const void*> counted;
  int64_t bytes = 0;
  for (const graph::AttributeSlot& attribute : attributes_)
    bytes += tensor_bytes(attribute.value(), counted);
  for (size_t i = 1; i < values_.size(); ++i) bytes += tensor_bytes(values_[i], counted);
  return bytes;
}

}  // namespace torchstreamer::blocks
