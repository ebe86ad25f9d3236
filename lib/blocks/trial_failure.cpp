#include "blocks/trial_failure.h"

#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/jit_exception.h>

#include <cstdlib>
#include <limits>
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

// Returns the place of the innermost call in the text of an exception of TorchScript, such as
// `File "code/__torch__.py", line 22, in forward`. The place in the code of the file is the first
// one.
FailedCall place_of(const std::exception& e) {
  const std::string text = e.what(), mark = ", line ";
  const size_t mark_at = text.find(mark);
  if (mark_at == std::string::npos) return {};
  char* after = nullptr;
  FailedCall call;
  call.line = std::strtoll(text.c_str() + mark_at + mark.size(), &after, 10);
  const size_t begin = text.rfind('\n', mark_at), end = text.find('\n', mark_at);
  call.function = text.substr(begin + 1, mark_at - begin - 1) +
                  text.substr(after - text.c_str(), end - (after - text.c_str()));
  return call;
}

}  // namespace

bool FailedCall::is_closer_than(const FailedCall& other) const {
  if (has_likely_channels != other.has_likely_channels) return has_likely_channels;
  const bool is_one_function = function == other.function && !function.empty();
  if (is_one_function && line == other.line) return weight > other.weight;
  if (operators != other.operators) return operators > other.operators;
  return is_one_function ? line > other.line : weight > other.weight;
}

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

bool TrialFailure::add(const std::exception& e, const BlockForm& form, int64_t operators) {
  const std::string message = reason_of(e);
  const bool is_raised = dynamic_cast<const torch::jit::JITException*>(&e) != nullptr;
  const std::string before = std::exchange(last_, graph::name_of(form.layout) + message);
  FailedCall call = place_of(e);
  // An Error is about the values that the call has returned.
  const bool has_returned = dynamic_cast<const Error*>(&e) != nullptr;
  call.operators = has_returned ? std::numeric_limits<int64_t>::max() : operators;
  call.has_likely_channels = form.channels_in <= 2;
  const bool names_size = message.find(std::to_string(window_frames_)) != std::string::npos;
  call.weight = is_raised ? (names_size ? kNamesSize : 2) : 1;
  if (call.is_closer_than(call_)) {
    call_ = std::move(call);
    text_ = c10::str(" as ", graph::name_of(form.layout),
                     form.channels_in == 1 ? "" : c10::str(" with C = ", form.channels_in), ": ",
                     message);
  }
  return !is_raised && before == last_;
}

void TrialFailure::add_independent(const BlockForm& form) {
  hint_ = "; as " + graph::name_of(form.layout) +
          " it computes every frame independently: choose this layout if that is meant";
}

void TrialFailure::raise(const BlockMethod& method, const BlockState& state) const {
  std::string advice = hint_;
  for (size_t i = 0; call_.weight < kNamesSize && i < method.returned_states().size(); ++i)
    advice += state_advice(method.state_name(i), state.returned_state(i));
  throw WindowsRejected(c10::str(method.name(), "() does not take windows of ", window_frames_,
                                 " frames", text_, advice),
                        call_);
}

}  // namespace torchstreamer::blocks
