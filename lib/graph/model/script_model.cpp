#include "graph/model/script_model.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include "graph/model/build_network.h"
#include "graph/model/outputs.h"
#include "graph/model/proof.h"
#include "modules/probe.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {

ScriptModel::ScriptModel(const std::string& path, at::Device device)
    : ScriptModel(read_module(path, device), device) {}

ScriptModel::ScriptModel(const torch::jit::Module& module, at::Device device)
    : module_(module), graph_(forward_graph(module_)), device_(device) {
  const Tensors weights = floating_weights(module_);
  if (!weights.empty()) dtype_ = weights[0].scalar_type();
  if (dtype_ != at::kFloat && dtype_ != at::kDouble)
    throw Error(c10::str("the model has weights of type ", dtype_,
                         "; streams run in float32 or float64: save model.float()"));
}

LayerPtr ScriptModel::plan(LoadOptions& options) const {
  c10::InferenceMode guard;
  const FullPrecision full_precision(device_);
  torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
  const auto plan = [&](int64_t channels, int rank) { return attempt(channels, rank, options); };
  return plan_for_any_shape(plan, options.channels, likely_channels(floating_weights(module_)));
}

// Proves the plan that keeps the model's padding, because a plan without padding has no module to
// be compared with.
Attempt ScriptModel::attempt(int64_t channels, int rank, const LoadOptions& options) const {
  std::vector<int64_t> shape = {1, channels, -1};
  shape.erase(shape.begin(), shape.end() - rank);
  Attempt result;
  std::shared_ptr<Evaluator> evaluator;
  const OfflineRule offline = offline_rule(rank, options.output);
  const Format source{dtype_, device_, {channels}};
  auto plan = [&](Padding padding) {
    evaluator = std::make_shared<Evaluator>(graph_, module_._ivalue(), source, shape, padding);
    const Returned returned = evaluator->run();
    return build_network(evaluator, returned, options.output, options.execution, offline);
  };
  try {
    const auto whole = plan(Padding::kModel);
    prove(whole, offline, source);
    result.network = options.padding == Padding::kModel ? whole : plan(options.padding);
  } catch (const OptionError&) {
    throw;
  } catch (const ChannelMismatch& e) {
    result.error = std::current_exception();
    result.wanted_channels = e.channels;
  } catch (const Error&) {
    result.error = std::current_exception();
  } catch (const std::exception& e) {
    result.error =
        std::make_exception_ptr(Error(c10::str("the model cannot be planned: ", reason_of(e))));
  }
  result.progress = evaluator ? evaluator->progress() : 0;
  return result;
}

OfflineRule ScriptModel::offline_rule(int rank, int output) const {
  return [module = module_, rank, output](const Tensor& x) mutable {
    c10::InferenceMode guard;
    torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    const Tensor signal = rank == 1 ? x.flatten() : rank == 2 ? x : x.unsqueeze(0);
    // A copy, because the model may write to its input.
    const Tensor y = output_tensors(module.forward({signal.clone()})).at(output);
    return y.dim() == 1 ? y.unsqueeze(0) : y.flatten(0, -2);
  };
}

ScriptModel ScriptModel::in_type(at::ScalarType dtype) const {
  ScriptModel model(converted(module_, dtype), device_);
  model.dtype_ = dtype;  // also for a model without weights
  return model;
}

uint64_t ScriptModel::channel_mask() const {
  if (!module_.hasattr("channel_mask")) return 0;
  const IValue mask = module_.attr("channel_mask");
  return mask.isInt() ? mask.toInt() : 0;
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
