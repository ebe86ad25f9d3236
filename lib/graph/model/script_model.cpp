#include "graph/model/script_model.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/api/function_impl.h>

#include <algorithm>
#include <limits>

#include "graph/model/build_network.h"
#include "graph/model/outputs.h"
#include "graph/model/proof.h"
#include "graph/script/retarget.h"
#include "graph/script/saved_state.h"
#include "modules/probe.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {

ScriptModel::ScriptModel(const std::string& path, at::Device device)
    : ScriptModel(read_module(path, device), device) {
  settings_ = read_settings(path);
  remarks_.insert(remarks_.end(), settings_.remarks.begin(), settings_.remarks.end());
}

ScriptModel::ScriptModel(const torch::jit::Module& module, at::Device device)
    : module_(module), graph_(forward_graph(module_)), device_(device) {
  move_to_device(*graph_, device_);
  widen_half_types();
  const Tensors weights = floating_weights(module_);
  if (!weights.empty()) dtype_ = weights[0].scalar_type();
  if (dtype_ != at::kFloat && dtype_ != at::kDouble)
    throw Error(c10::str("the model has weights of type ", dtype_,
                         "; streams run in float32 or float64: save model.float()"));
}

// Computes a model with weights of half precision in float32.
void ScriptModel::widen_half_types() {
  for (const at::ScalarType half : {at::kHalf, at::kBFloat16}) {
    const Tensors weights = floating_weights(module_);
    const auto is_half = [half](const Tensor& t) { return t.scalar_type() == half; };
    if (std::none_of(weights.begin(), weights.end(), is_half)) continue;
    module_ = widened(module_, half);
    change_type(*graph_, half, at::kFloat);
    remarks_.push_back(std::string("the weights are ") +
                       (half == at::kHalf ? "float16" : "bfloat16") +
                       "; the model is computed in float32");
  }
}

LayerPtr ScriptModel::plan(LoadOptions& options, Proof proof) const {
  c10::InferenceMode guard;
  const FullPrecision full_precision(device_);
  torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
  const auto plan = [&](int64_t channels, Layout layout) {
    return attempt(channels, layout, options, proof);
  };
  return plan_for_any_shape(plan, options.channels, options.layout,
                            likely_channels(floating_weights(module_)));
}

namespace {

bool computes_over_time(const std::vector<Network::Node>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const Network::Node& node) { return node.layer->is_over_time(); });
}

}  // namespace

// Proves the plan that keeps the model's padding, because a plan without padding has no module to
// be compared with.
Attempt ScriptModel::attempt(int64_t channels, Layout layout, const LoadOptions& options,
                             Proof proof) const {
  Attempt result;
  std::shared_ptr<Evaluator> evaluator;
  OfflineRule offline;
  const Format source{dtype_, device_, {channels}};
  auto plan = [&](Padding padding) {
    const auto plan_for = [&](int64_t shortest_frames) {
      evaluator = std::make_shared<Evaluator>(graph_, module_._ivalue(), source,
                                              shape_of(layout, channels), padding, shortest_frames);
      evaluator->plan().set_max_memory_frames(options.max_memory_frames);
      const Returned returned = evaluator->run();
      const Stream output = output_stream(*evaluator, returned, options);
      const ForwardCall call{layout, output_index(options.output), output.axis};
      offline = offline_rule(call);
      return build_network(evaluator, output, call, options.execution, offline);
    };
    return plan_beyond_memory(plan_for, evaluator);
  };
  try {
    const auto whole = plan(Padding::kModel);
    if (proof == Proof::kCompared)
      whole->set_proof(prove(whole, offline, source, options.max_memory_frames));
    result.network = options.padding == Padding::kModel ? whole : plan(options.padding);
  } catch (const OptionError&) {
    throw;
  } catch (const ChannelMismatch& e) {
    result.error = std::current_exception();
    result.wanted_channels = {e.channels};
  } catch (const Error&) {
    result.error = std::current_exception();
  } catch (const std::exception& e) {
    result.error =
        std::make_exception_ptr(Error(c10::str("the model cannot be planned: ", reason_of(e))));
  }
  if (!evaluator) return result;
  result.progress = evaluator->progress();
  result.is_over_time = computes_over_time(evaluator->plan().nodes());
  if (result.wanted_channels.empty()) result.wanted_channels = evaluator->refused_sizes();
  return result;
}

// Runs the graph that is planned, which may differ from the file in devices and types.
OfflineRule ScriptModel::offline_rule(const ForwardCall& call) const {
  const auto forward =
      std::make_shared<torch::jit::GraphFunction>("forward", graph_->copy(), nullptr);
  const SavedState state(module_, *graph_);
  torch::jit::Stack stack(2);
  const auto& arguments = module_.get_method("forward").function().getSchema().arguments();
  for (size_t i = stack.size(); i < arguments.size(); ++i)
    stack.push_back(arguments[i].default_value().value_or(IValue()));
  return [forward, state, stack, call](const Tensor& x) {
    c10::InferenceMode guard;
    torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    torch::jit::Stack values = stack;
    values[0] = state.module();
    values[1] = as_argument(x, call.layout);
    forward->run(values);
    return as_signal(output_tensors(values.front()).at(call.output), call.time_axis);
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
  return settings_.channel_mask ? settings_.channel_mask : integer_attribute("channel_mask");
}

int64_t ScriptModel::sample_rate_hz() const {
  const int64_t rate_hz =
      settings_.sample_rate_hz ? settings_.sample_rate_hz : integer_attribute("sample_rate");
  return rate_hz > 0 && rate_hz <= std::numeric_limits<int>::max() ? rate_hz : 0;
}

int64_t ScriptModel::integer_attribute(const std::string& name) const {
  if (!module_.hasattr(name)) return 0;
  const IValue value = module_.attr(name);
  return value.isInt() ? value.toInt() : 0;
}

int64_t ScriptModel::parameters() const {
  int64_t count = 0;
  for (const Tensor& t : module_.parameters()) count += t.numel();
  return count;
}

int64_t ScriptModel::weights_bytes() const {
  int64_t bytes = 0;
  for (const Tensor& t : module_.parameters()) bytes += bytes_of(t);
  for (const Tensor& t : module_.buffers()) bytes += bytes_of(t);
  return bytes;
}

}  // namespace torchstreamer::graph
