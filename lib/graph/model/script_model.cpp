#include "graph/model/script_model.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <limits>

#include "graph/model/build_network.h"
#include "graph/model/outputs.h"
#include "graph/model/proof.h"
#include "graph/plan/traced.h"
#include "graph/script/empty_tensors.h"
#include "graph/script/functional_forms.h"
#include "graph/script/graph_function.h"
#include "graph/script/method_graph.h"
#include "graph/script/module_attributes.h"
#include "graph/script/retarget.h"
#include "graph/script/saved_state.h"
#include "modules/probe.h"
#include "support/exceptions.h"
#include "trust/checked_operators.h"

namespace torchstreamer::graph {
namespace {

constexpr int64_t kLikelyRatesHz[] = {48000, 44100, 16000, 8000};

// Type of the first weight, float32 if there is none.
at::ScalarType type_of_weights(const torch::jit::Module& module) {
  const Tensors weights = floating_weights(module);
  return weights.empty() ? at::kFloat : weights[0].scalar_type();
}

CallOptions merged_call(const CallOptions& call, const Settings& settings) {
  LoadOptions options;
  options.call = call;
  return with_settings(options, settings).call;
}

torch::jit::Module with_attributes_on(const torch::jit::Module& module, at::Device device,
                                      const NamedValues& attributes) {
  return with_attributes(module, attributes,
                         at::TensorOptions(type_of_weights(module)).device(device));
}

}  // namespace

ScriptModel::ScriptModel(const std::string& path, at::Device device, const CallOptions& call,
                         Trust trust)
    : ScriptModel(path, device, call, trust, read_settings(path)) {}

ScriptModel::ScriptModel(const std::string& path, at::Device device, const CallOptions& call,
                         Trust trust, const Settings& settings)
    : ScriptModel(read_module(path, device, merged_call(call, settings), trust), device, call,
                  settings) {}

ScriptModel::ScriptModel(const torch::jit::Module& module, at::Device device,
                         const CallOptions& call, const Settings& settings)
    : ScriptModel(module, device, merged_call(call, settings)) {
  settings_ = settings;
}

ScriptModel::ScriptModel(const torch::jit::Module& module, at::Device device,
                         const CallOptions& call)
    : module_(with_attributes_on(module, device, call.attributes)),
      method_(call.method_name()),
      graph_(method_graph(module_, method_)),
      device_(device) {
  check_operators();
  fill_empty_tensors(*graph_);
  move_to_device(*graph_, device_);
  widen_half_types();
  dtype_ = type_of_weights(module_);
  require_real_type();
  bind(call.inputs);
}

void ScriptModel::bind(const NamedValues& inputs) {
  const auto& schema = module_.get_method(method_).function().getSchema();
  arguments_ = arguments_of(schema, *graph_, inputs, at::TensorOptions(dtype_).device(device_));
  require_complete(arguments_, schema);
  bind_arguments(*graph_, arguments_);
}

std::shared_ptr<const ModelFile> ScriptModel::with_inputs(const NamedValues& inputs) const {
  const auto model = std::make_shared<ScriptModel>(*this);
  model->graph_ = graph_of(method_);
  fill_empty_tensors(*model->graph_);
  model->bind(inputs);
  return model;
}

void ScriptModel::require_real_type() const {
  if (dtype_ != at::kFloat && dtype_ != at::kDouble)
    throw Error(c10::str("the model has weights of type ", dtype_,
                         "; streams run in float32 or float64: save model.float()"));
}

std::shared_ptr<const ModelFile> ScriptModel::at_rate(int64_t rate_hz) const {
  return std::make_shared<ScriptModel>(bound_to_rate(rate_hz));
}

ScriptModel ScriptModel::bound_to_rate(int64_t rate_hz) const {
  ScriptModel model(*this);
  if (!takes_rate()) return model;
  const int64_t known_hz = rate_hz > 0 ? rate_hz : sample_rate_hz();
  for (Argument& argument : model.arguments_) {
    if (argument.kind != Argument::Kind::kRate) continue;
    if (known_hz > 0)
      argument.value = rate_value(argument.type, known_hz);
    else if (!argument.value)
      throw OptionError(method_ + "() takes the sample rate in its argument '" + argument.name +
                        "', and the rate is not known; set the argument with inputs");
    argument.kind = Argument::Kind::kGiven;
  }
  model.graph_ = graph_->copy();
  bind_arguments(*model.graph_, model.arguments_);
  return model;
}

std::vector<int64_t> ScriptModel::likely_rates_hz() const {
  if (!takes_rate()) return {};
  std::vector<int64_t> rates_hz;
  if (sample_rate_hz() > 0) rates_hz.push_back(sample_rate_hz());
  const auto has_value = [](const Argument& a) {
    return a.kind != Argument::Kind::kRate || a.value;
  };
  if (std::all_of(arguments_.begin(), arguments_.end(), has_value)) rates_hz.push_back(0);
  for (const int64_t rate_hz : kLikelyRatesHz) rates_hz.push_back(rate_hz);
  return rates_hz;
}

// Computes a model with weights of half precision in float32.
void ScriptModel::widen_half_types() {
  for (const at::ScalarType half : {at::kHalf, at::kBFloat16}) {
    const Tensors weights = floating_weights(module_);
    const auto is_half = [half](const Tensor& t) { return t.scalar_type() == half; };
    if (std::none_of(weights.begin(), weights.end(), is_half)) continue;
    module_ = widened(module_, half);
    change_type(*graph_, half, at::kFloat);
    widened_types_.push_back(half);
    remarks_.push_back(std::string("the weights are ") +
                       (half == at::kHalf ? "float16" : "bfloat16") +
                       "; the model is computed in float32");
  }
}

std::shared_ptr<torch::jit::Graph> ScriptModel::graph_of(const std::string& method) const {
  auto graph = method_graph(module_, method);
  move_to_device(*graph, device_);
  for (const at::ScalarType half : widened_types_) change_type(*graph, half, at::kFloat);
  return graph;
}

LayerPtr ScriptModel::plan(LoadOptions& options, Proof proof) const {
  c10::InferenceMode guard;
  if (takes_rate()) return bound_to_rate(0).plan(options, proof);
  const FullPrecision full_precision(device_);
  torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
  const auto plan = [&](int64_t channels, Layout layout) {
    return attempt(channels, layout, options, proof);
  };
  return plan_for_any_shape(plan, options.channels, options.layout,
                            likely_channels(floating_weights(module_)));
}

namespace {

bool has_layer_over_time(const std::vector<Network::Node>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const Network::Node& node) { return node.layer->is_over_time(); });
}

// Layers over time can cancel out: a view that splits each frame, followed by a view that joins the
// parts again.
bool is_over_time(const Network& network) {
  const auto keeps_state = [](const Network::Node& node) {
    return node.layer->is_over_time() && node.layer->timing().receptive_field_frames() == 1;
  };
  return network.timing().receptive_field_frames() > 1 ||
         std::any_of(network.nodes().begin(), network.nodes().end(), keeps_state);
}

// Records the exception that is handled as the reason of a failure.
void record_error(Attempt& attempt) try {
  attempt.error = std::current_exception();
  throw;
} catch (const ChannelMismatch& e) {
  attempt.cause = Cause::kShape;
  attempt.wanted_channels = {e.channels};
} catch (const ShapeMismatch&) {
  attempt.cause = Cause::kShape;
} catch (const Refusal& e) {
  if (e.reason().rfind(kModelRaises, 0) == 0) attempt.cause = Cause::kRaise;
} catch (const Error&) {
} catch (const std::exception& e) {
  attempt.cause = Cause::kShape;
  attempt.error =
      std::make_exception_ptr(Error(c10::str("the model cannot be planned: ", reason_of(e))));
}

}  // namespace

// Proves the plan with the model's padding: without padding, there is no module to compare with.
Attempt ScriptModel::attempt(int64_t channels, Layout layout, const LoadOptions& options,
                             Proof proof) const {
  Attempt result;
  std::shared_ptr<Evaluator> evaluator;
  OfflineRule offline;
  const Format source{dtype_, device_, {channels}};
  auto plan = [&](Padding padding) {
    const auto plan_for = [&](const Lengths& lengths) {
      evaluator = std::make_shared<Evaluator>(with_functional_forms(*graph_), module_._ivalue(),
                                              source, shape_of(layout, channels), padding, lengths);
      evaluator->plan().set_max_memory_frames(options.max_memory_frames);
      const Returned returned = evaluator->run();
      const ChosenOutput output = chosen_output(*evaluator, returned, options);
      const ForwardCall call{layout, output.index, output.stream.axis};
      offline = offline_rule(call);
      return build_network(evaluator, returned, output.stream, call, options.execution, offline);
    };
    return plan_beyond_memory(plan_for, evaluator);
  };
  try {
    const auto whole = plan(Padding::kModel);
    if (proof == Proof::kCompared)
      whole->set_proof(prove(whole, offline, exact_rule(whole->call()), source,
                             options.max_memory_frames, is_traced(*graph_)));
    result.network = PlannedNetwork::with_tail(
        options.padding == Padding::kModel ? whole : plan(options.padding), options.call.tail);
    result.is_over_time = is_over_time(*whole);
    return result;
  } catch (const OptionError&) {
    throw;
  } catch (const std::exception&) {
    record_error(result);
  }
  if (!evaluator) return result;
  result.progress = evaluator->progress();
  Cause& cause = result.cause;
  if (evaluator->is_shape_refused()) cause = Cause::kShape;
  if (cause == Cause::kRaise && evaluator->lengths().are_too_few()) cause = Cause::kLength;
  // Operators that are refused although they accept the shape compute over time.
  result.is_over_time = cause == Cause::kModel || has_layer_over_time(evaluator->plan().nodes());
  if (result.wanted_channels.empty()) result.wanted_channels = evaluator->refused_sizes();
  return result;
}

// Runs the graph of the file with different devices and types.
OfflineRule ScriptModel::offline_rule(const ForwardCall& call) const {
  if (takes_rate()) return bound_to_rate(0).offline_rule(call);
  const std::shared_ptr<torch::jit::Function> method = graph_function(method_, *graph_);
  const SavedState state(module_, *graph_);
  return [method, state, call](const Tensor& x) {
    c10::InferenceMode guard;
    torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    torch::jit::Stack values = {state.module(), as_argument(x, call.layout)};
    method->run(values);
    return as_signal(output_tensors(values.front()).at(call.output), call.time_axis);
  };
}

// Converts the model when it runs for the first time.
OfflineRule ScriptModel::exact_rule(const ForwardCall& call) const {
  constexpr int64_t kMostBytes = int64_t{1} << 26;
  if (dtype_ == at::kDouble || weights_bytes() > kMostBytes) return nullptr;
  return [this, call, exact = std::make_shared<OfflineRule>()](const Tensor& x) {
    if (!*exact) *exact = in_type(at::kDouble).offline_rule(call);
    return (*exact)(x);
  };
}

ScriptModel ScriptModel::in_type(at::ScalarType dtype) const {
  ScriptModel model(*this);
  model.module_ = converted(module_, dtype);
  model.graph_ = graph_->copy();
  change_type(*model.graph_, dtype == at::kDouble ? at::kFloat : at::kDouble, dtype);
  model.dtype_ = dtype;  // of a model without weights, too
  return model;
}

uint64_t ScriptModel::channel_mask() const {
  return settings_.channel_mask ? settings_.channel_mask
                                : integer_attribute(module_, "channel_mask");
}

int64_t ScriptModel::sample_rate_hz() const {
  const int64_t rate_hz = settings_.sample_rate_hz ? settings_.sample_rate_hz
                                                   : integer_attribute(module_, "sample_rate");
  return rate_hz > 0 && rate_hz <= std::numeric_limits<int>::max() ? rate_hz : 0;
}

int64_t ScriptModel::parameters() const {
  int64_t count = 0;
  for (const Tensor& t : module_.parameters()) count += t.numel();
  return count;
}

}  // namespace torchstreamer::graph
