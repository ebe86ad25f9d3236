#include "blocks/method/block_method.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <optional>
#include <set>

#include "blocks/method/evaluation_mode.h"
#include "blocks/method/row_independence.h"
#include "graph/script/graph_function.h"
#include "graph/script/signature.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

using graph::Argument;
using Kind = Argument::Kind;
namespace jit = torch::jit;

bool is_batch_size(const c10::Argument& argument) {
  static const std::set<std::string> names = {"b",         "batch",     "batches",    "batch_size",
                                              "bs",        "batchsize", "n",          "n_batch",
                                              "n_batches", "num_batch", "num_batches"};
  return argument.type()->kind() == c10::TypeKind::IntType && names.count(argument.name()) > 0;
}

// Returns none if the method cannot be called.
std::optional<jit::Stack> reset_arguments(const c10::FunctionSchema& schema) {
  jit::Stack values = {IValue()};
  int batch_sizes = 0;
  for (size_t i = 1; i < schema.arguments().size(); ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    if (!argument.default_value() && (!is_batch_size(argument) || ++batch_sizes > 1))
      return std::nullopt;
    values.push_back(argument.default_value().value_or(IValue(int64_t{1})));
  }
  return values;
}

// The profiling executor would compile the function again after its first calls.
IValue run_function(jit::Function& function, jit::Stack values) {
  c10::InferenceMode guard;
  jit::GraphOptimizerEnabledGuard no_profiling(false);
  function.run(values);
  return values.empty() ? IValue() : values.front();
}

}  // namespace

ResetCall reset_call(const jit::Module& module) {
  ResetCall call;
  for (const char* name : {"reset_states", "reset"}) {
    const auto method = module.find_method(name);
    if (!method) continue;
    const c10::FunctionSchema& schema = method->function().getSchema();
    if (auto arguments = reset_arguments(schema)) return {name, std::move(*arguments), ""};
    if (call.warning.empty())
      call.warning = "a new signal starts with the state in the file, because the arguments of " +
                     graph::signature_of(schema) + " are not known; give them defaults";
  }
  return call;
}

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
  warnings_.insert(warnings_.end(), found.warnings.begin(), found.warnings.end());
}

void BlockMethod::prepare_reset() {
  std::vector<const jit::Graph*> graphs = {graph_.get()};
  std::shared_ptr<jit::Graph> reset;
  ResetCall call = reset_call(model_->module());
  if (!call.method.empty()) {
    reset = model_->graph_of(call.method);
    reset_ = graph::graph_function(call.method, *reset);
    reset_values_ = std::move(call.arguments);
    graphs.push_back(reset.get());
  }
  saved_state_ = std::make_unique<graph::SavedState>(model_->module(), graphs);
  writes_state_ = graph::SavedState(model_->module(), *graph_).is_written();
  if (writes_state_ && !call.warning.empty()) warnings_.push_back(call.warning);
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
