#include "blocks/method/block_method.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "blocks/method/evaluation_mode.h"
#include "blocks/method/row_independence.h"
#include "graph/script/graph_function.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

using graph::Argument;
using Kind = Argument::Kind;
namespace jit = torch::jit;

// Returns the name of the method by which the model resets its state; none if it has no such method
// that can be called without arguments.
std::optional<std::string> reset_method(const jit::Module& module) {
  for (const char* name : {"reset_states", "reset"}) {
    const auto method = module.find_method(name);
    if (!method) continue;
    const auto& arguments = method->function().getSchema().arguments();
    const auto has_value = [](const c10::Argument& a) { return a.default_value().has_value(); };
    if (std::all_of(arguments.begin() + 1, arguments.end(), has_value)) return name;
  }
  return std::nullopt;
}

// The profiling executor would compile the function again after its first calls.
IValue run_function(jit::Function& function, jit::Stack values) {
  c10::InferenceMode guard;
  jit::GraphOptimizerEnabledGuard no_profiling(false);
  function.run(values);
  return values.empty() ? IValue() : values.front();
}

}  // namespace

BlockMethod::BlockMethod(std::shared_ptr<const graph::ScriptModel> model,
                         const LoadOptions& options)
    : model_(std::move(model)),
      name_(options.call.method_name()),
      inputs_(options.call.inputs),
      graph_(model_->graph_of(name_)),
      function_(graph::graph_function(name_, *graph_)) {
  require_fixed_statistics(model_->module(), *graph_);
  prepare_reset();
  const std::vector<Argument> arguments = arguments_of(inputs_);
  graph::require_complete(arguments, schema());
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].kind == Kind::kSignal) signal_argument_ = i + 1;
    takes_rate_ |= arguments[i].kind == Kind::kRate;
  }
  has_independent_rows_ = has_independent_rows(*graph_, signal_argument_);
  StatesOfMethod found = blocks::returned_states(arguments, *graph_, options);
  returned_states_ = std::move(found.states);
  warnings_ = std::move(found.warnings);
}

void BlockMethod::prepare_reset() {
  std::vector<const jit::Graph*> graphs = {graph_.get()};
  std::shared_ptr<jit::Graph> reset;
  if (const auto name = reset_method(model_->module())) {
    reset = model_->graph_of(*name);
    reset_ = graph::graph_function(*name, *reset);
    const auto method = model_->module().get_method(*name);
    for (const c10::Argument& argument : method.function().getSchema().arguments())
      reset_values_.push_back(argument.default_value().value_or(IValue()));
    graphs.push_back(reset.get());
  }
  saved_state_ = std::make_unique<graph::SavedState>(model_->module(), graphs);
  writes_state_ = graph::SavedState(model_->module(), *graph_).is_written();
}

const c10::FunctionSchema& BlockMethod::schema() const {
  return model_->module().get_method(name_).function().getSchema();
}

const std::string& BlockMethod::state_name(size_t index) const {
  return schema().arguments().at(returned_states_.at(index).argument).name();
}

std::vector<Argument> BlockMethod::arguments_of(const NamedValues& inputs) const {
  const auto floats = at::TensorOptions(model_->dtype()).device(model_->device());
  return graph::arguments_of(schema(), *graph_, inputs, floats);
}

IValue BlockMethod::start_module() const {
  c10::InferenceMode guard;
  const IValue module = saved_state_->module();
  if (!reset_) return module;
  jit::Stack values = reset_values_;
  values[0] = module;
  run_function(*reset_, std::move(values));
  return module;
}

jit::Stack BlockMethod::arguments(const NamedValues& inputs, int64_t rate_hz) const {
  jit::Stack values = {IValue()};
  for (const Argument& argument : arguments_of(inputs)) {
    const bool has_rate = argument.kind == Kind::kRate && rate_hz > 0;
    if (argument.kind == Kind::kRate && !has_rate && !argument.value)
      throw Error(name_ + "() needs the sample rate as its argument '" + argument.name +
                  "': give the rate of the audio");
    values.push_back(has_rate ? graph::rate_value(argument.type, rate_hz)
                              : argument.value.value_or(IValue()));
  }
  return values;
}

void BlockMethod::require_may_change(const NamedValues& inputs) const {
  const std::string& signal = schema().arguments().at(signal_argument_).name();
  if (inputs.count(signal) > 0)
    throw OptionError("'" + signal + "' is the signal of " + name_ +
                      "(), which is pushed and cannot be set");
  for (size_t i = 0; i < returned_states_.size(); ++i)
    if (inputs.count(state_name(i)) > 0)
      throw OptionError("'" + state_name(i) + "' is the state that " + name_ +
                        "() returns: it can only be set before the model is loaded");
  if (describes_method(model_->settings(), name_))
    require_in_range("input", inputs, model_->settings().inputs);
}

IValue BlockMethod::run(jit::Stack values) const {
  return run_function(*function_, std::move(values));
}

}  // namespace torchstreamer::blocks
