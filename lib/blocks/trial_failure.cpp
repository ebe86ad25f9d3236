#include "blocks/trial_failure.h"

#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/jit_exception.h>

#include <utility>

#include "support/exceptions.h"

namespace torchstreamer::blocks {
namespace {

constexpr int kNamesSize = 3;  // weight of an exception of the model that names the window size

// Returns advice on the first value of a state; empty if it is a number.
std::string state_advice(const std::string& name, const IValue& state) {
  const StateShapes shapes = shapes_of(state);
  if (!shapes.empty())
    return "; its state '" + name + "' is " + text_of(shapes) +
           " in the first call: if that is wrong, set the shape with inputs";
  if (!state.isNone()) return "";
  return "; its state '" + name +
         "' is None in the first call: if that is wrong, set its shape with inputs, such as "
         "'zeros(1, 1, 8)'";
}

}  // namespace

StateShapes shapes_of(const IValue& state) {
  StateShapes shapes;
  state.visit([&](const IValue& part) {
    if (part.isTensor()) shapes.push_back(part.toTensor().sizes().vec());
    return false;
  });
  return shapes;
}

std::string text_of(const StateShapes& shapes) {
  std::string text;
  for (const auto& shape : shapes) {
    text += text.empty() ? "[" : ", [";
    for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    text += "]";
  }
  return text;
}

bool TrialFailure::add(const std::exception& e, const BlockForm& form) {
  const std::string message = reason_of(e);
  const bool is_raised = dynamic_cast<const torch::jit::JITException*>(&e) != nullptr;
  const std::string before = std::exchange(last_, graph::name_of(form.layout) + message);
  add_text(message, is_raised, form);
  return !is_raised && before == last_;
}

void TrialFailure::add_independent(const BlockForm& form) {
  hint_ = "; as " + graph::name_of(form.layout) +
          " it computes every frame independently: choose this layout if that is meant";
}

void TrialFailure::raise(const BlockMethod& method, const BlockState& state) const {
  std::string advice = hint_;
  for (size_t i = 0; weight_ < kNamesSize && i < method.returned_states().size(); ++i)
    advice += state_advice(method.state_name(i), state.returned_state(i));
  throw WindowsRejected(c10::str(method.name(), "() does not take windows of ", window_frames_,
                                 " frames", text_, advice),
                        weight_);
}

void TrialFailure::add_text(const std::string& message, bool is_raised, const BlockForm& form) {
  const bool names_size = message.find(std::to_string(window_frames_)) != std::string::npos;
  const int weight = is_raised ? (names_size ? kNamesSize : 2) : 1;
  if (weight <= weight_) return;
  weight_ = weight;
  text_ = c10::str(" as ", graph::name_of(form.layout),
                   form.channels_in == 1 ? "" : c10::str(" with C = ", form.channels_in), ": ",
                   message);
}

}  // namespace torchstreamer::blocks
