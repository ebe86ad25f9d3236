#include "graph/model/script_model.h"

#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/serialization/import.h>

#include <deque>
#include <fstream>
#include <set>

#include "graph/model/build_network.h"
#include "graph/model/outputs.h"
#include "modules/probe.h"
#include "support/exceptions.h"
#include "support/noise.h"
#include "torchstreamer/stream.h"

namespace torchstreamer::graph {
namespace {

torch::jit::Module read_module(const std::string& path, at::Device device) {
  std::ifstream file(path, std::ios::binary);
  char magic[4] = {};
  if (!file) throw Error("cannot open the model '" + path + "'");
  if (!file.read(magic, sizeof magic) || std::string(magic, 4) != "PK\3\4")
    throw Error("'" + path +
                "' is not a TorchScript file; save one with torch.jit.script(model).save(path)");
  try {
    return torch::jit::load(path, device);
  } catch (const std::exception& e) {
    throw Error("'" + path + "' cannot be read as a TorchScript file: " + reason_of(e));
  }
}

std::shared_ptr<torch::jit::Graph> forward_graph(const torch::jit::Module& module) {
  const auto forward = module.find_method("forward");
  if (!forward) throw Error("the model has no forward() method");
  auto graph = forward->graph()->copy();
  torch::jit::Inline(*graph);
  torch::jit::EliminateDeadCode(graph);
  return graph;
}

// The streamed output of a random signal, cut into uneven pushes.
Tensor streamed(const LayerPtr& network, const Tensor& x) {
  LayerStream stream(network);
  Tensors parts;
  int64_t start = 0, step = 1;
  while (start < x.size(1)) {
    const int64_t end = std::min(x.size(1), start + step);
    if (auto y = stream.forward(x.slice(1, start, end), end == x.size(1))) parts.push_back(*y);
    start = end;
    step = step * 3 + 1;
  }
  return parts.empty() ? Tensor() : at::cat(parts, 1);
}

Tensor random_signal(const std::vector<int64_t>& shape, int64_t frames, at::ScalarType dtype,
                     at::Device device) {
  auto full = shape;
  full.back() = frames;
  return Noise(/*seed=*/frames).next(full, dtype).to(device);
}

// Whether the stream gives what the model gave: `[C, T]` both.
bool is_same(const Tensor& streamed, const Tensor& offline) {
  if (offline.numel() == 0) return !streamed.defined();
  // Silence, too, is computed with rounding.
  return streamed.defined() && is_close(streamed, offline, 1e-4, /*floor=*/1e-6);
}

// Runs the model offline and streamed: a plan is proven, not trusted. Traced files that remember
// the length they were traced with are found out here. Signals that are too short for the model
// prove nothing.
void prove(const PlannedNetwork& plan, const LayerPtr& network, const OfflineRule& offline,
           const Format& in) {
  const int64_t field = network->timing().receptive_field_frames();
  for (int64_t frames : {field + 67, 2 * field + 240, field, int64_t{17}, int64_t{2}, int64_t{1}}) {
    const bool is_short = frames <= field || frames <= 17;
    for (int64_t tries = 0; !is_short && tries < 4096 && plan.guards().violation(frames); ++tries)
      ++frames;
    if (!is_short && plan.guards().violation(frames)) continue;
    const Tensor x = random_signal({in.channels(), -1}, frames, in.dtype, in.device);
    Tensor expected, y;
    try {
      expected = offline(x);
      y = streamed(network, x);
    } catch (const std::exception& e) {
      if (is_short) continue;
      throw Refusal("forward()", "", "",
                    c10::str("it fails for a signal of ", frames, " frames: ", reason_of(e)));
    }
    if (!is_same(y, expected))
      throw Refusal("forward()", "", "",
                    c10::str("for a signal of ", frames,
                             " frames its plan does not give what the "
                             "model gives; a traced model may have kept the length it was traced "
                             "with: script it instead"));
  }
}

// Where no shape of the signal brought the plan any further than the others.
[[noreturn]] void rethrow_with_shapes(std::exception_ptr error) {
  const std::string tried = "; its input was tried as [B, C, T], [C, T] and [T]";
  try {
    std::rethrow_exception(error);
  } catch (const Refusal& e) {
    throw Refusal(e.subject(), e.path(), e.source(), e.reason() + tried);
  } catch (const Error& e) {
    throw Error(e.what() + tried);
  }
}

Tensors floating_weights(const torch::jit::Module& module) {
  Tensors weights;
  for (const Tensor& t : module.parameters()) weights.push_back(t);
  for (const Tensor& t : module.buffers())
    if (at::isFloatingType(t.scalar_type())) weights.push_back(t);
  return weights;
}

}  // namespace

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
  int64_t& channels = options.channels;
  c10::InferenceMode guard;
  const FullPrecision full_precision(device_);
  torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
  Attempt furthest;
  std::set<size_t> progress;  // of the ranks
  for (const int rank : {3, 2, 1}) {
    std::deque<int64_t> candidates = {channels};
    if (!channels) {
      const auto likely = likely_channels(floating_weights(module_));
      candidates = {1, 2};
      candidates.insert(candidates.end(), likely.begin(), likely.end());
    }
    std::set<int64_t> tried;
    size_t best = 0;
    while (!candidates.empty()) {
      const int64_t c = candidates.front();
      candidates.pop_front();
      if (!tried.insert(c).second || (rank == 1 && c != 1)) continue;
      Attempt now = attempt(c, rank, options);
      if (now.network) {
        channels = c;
        return now.network;
      }
      if (now.wanted_channels && !channels) candidates.push_front(now.wanted_channels);
      if (!furthest.error || now.progress > furthest.progress) furthest = now;
      best = std::max(best, now.progress);
    }
    progress.insert(best);
  }
  if (progress.size() > 1) std::rethrow_exception(furthest.error);
  rethrow_with_shapes(furthest.error);
}

OfflineRule ScriptModel::offline_rule(int rank, int output) const {
  return [module = module_, rank, output](const Tensor& x) mutable {
    c10::InferenceMode guard;
    torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    // A copy: the model may write to its input.
    const Tensor signal = rank == 1 ? x.flatten() : rank == 2 ? x : x.unsqueeze(0);
    const Tensor y = output_tensors(module.forward({signal.clone()})).at(output);
    return y.dim() == 1 ? y.unsqueeze(0) : y.flatten(0, -2);
  };
}

// Module::to() would convert integers, too, and miss the lists of weights that recurrences keep.
ScriptModel ScriptModel::in_type(at::ScalarType dtype) const {
  const torch::jit::Module copy = module_.deepcopy();
  c10::IValue(copy._ivalue()).visit([&](const c10::IValue& value) {
    if (value.isTensor() && value.toTensor().defined()) {
      const Tensor& tensor = value.toTensor();
      const bool is_complex = at::isComplexType(tensor.scalar_type());
      if (is_complex || at::isFloatingType(tensor.scalar_type()))
        tensor.set_data(tensor.to(is_complex ? at::toComplexType(dtype) : dtype));
    }
    return false;
  });
  ScriptModel converted(copy, device_);
  converted.dtype_ = dtype;  // of a model without weights, too
  return converted;
}

uint64_t ScriptModel::channel_mask() const {
  if (!module_.hasattr("channel_mask")) return 0;
  const c10::IValue mask = module_.attr("channel_mask");
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

// A plan for signals of this shape. What is proven is the plan with the model's padding: without it
// there is no module to compare with.
ScriptModel::Attempt ScriptModel::attempt(int64_t channels, int rank,
                                          const LoadOptions& options) const {
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
    prove(*whole, whole, offline, source);
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

}  // namespace torchstreamer::graph
