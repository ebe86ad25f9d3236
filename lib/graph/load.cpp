#include "graph/load.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/passes/remove_mutation.h>
#include <torch/csrc/jit/serialization/import.h>

#include <deque>
#include <fstream>
#include <set>

#include "graph/planner.h"
#include "stream.h"

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
  } catch (const c10::Error& e) {
    throw Error("'" + path +
                "' cannot be read as a TorchScript file: " + e.what_without_backtrace());
  } catch (const std::exception& e) {
    throw Error("'" + path + "' cannot be read as a TorchScript file: " + e.what());
  }
}

std::shared_ptr<torch::jit::Graph> forward_graph(const torch::jit::Module& module) {
  const auto forward = module.find_method("forward");
  if (!forward) throw Error("the model has no forward() method");
  auto graph = forward->graph()->copy();
  torch::jit::Inline(*graph);
  torch::jit::RemoveTensorMutation(graph);
  torch::jit::EliminateDeadCode(graph);
  return graph;
}

// A shape of the signal that forward() may take, and how far a plan for it came.
struct Attempt {
  int64_t channels = 0;
  LayerPtr network;
  std::exception_ptr error;
  size_t progress = 0;
  int64_t wanted_channels = 0;
};

Attempt attempt(const std::shared_ptr<torch::jit::Graph>& graph, const torch::jit::Module& module,
                std::vector<int64_t> shape, at::ScalarType dtype, at::Device device,
                Padding padding) {
  Attempt result;
  result.channels = shape.size() > 1 ? shape.end()[-2] : 1;
  std::shared_ptr<Planner> planner;
  try {
    planner = std::make_shared<Planner>(graph, module._ivalue(), shape, dtype, device, padding);
    result.network = planner->plan();
  } catch (const ChannelMismatch& e) {
    result.error = std::current_exception();
    result.wanted_channels = e.channels;
  } catch (const Error&) {
    result.error = std::current_exception();
  } catch (const c10::Error& e) {
    result.error = std::make_exception_ptr(Error(e.what_without_backtrace()));
  } catch (const std::exception& e) {
    result.error =
        std::make_exception_ptr(Error(c10::str("the model cannot be planned: ", e.what())));
  }
  result.progress = planner ? planner->progress() : 0;
  return result;
}

// Channel counts worth trying: few, then those that the weights have.
std::deque<int64_t> likely_channels(const torch::jit::Module& module) {
  std::set<int64_t> sizes;
  for (const Tensor& t : module.parameters()) sizes.insert(t.sizes().begin(), t.sizes().end());
  std::deque<int64_t> channels = {1, 2};
  channels.insert(channels.end(), sizes.begin(), sizes.end());
  return channels;
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

// Runs the model offline and streamed: a plan is proven, not trusted. Traced files that remember
// the length they were traced with are found out here.
void prove(torch::jit::Module module, const std::vector<int64_t>& shape, const LayerPtr& network,
           at::ScalarType dtype, at::Device device) {
  const int64_t field = network->timing().receptive_field_frames();
  for (const int64_t frames : {field + 67, 2 * field + 240}) {
    auto full = shape;
    full.back() = frames;
    const Tensor x =
        at::randn(full, at::detail::createCPUGenerator(frames), at::TensorOptions(dtype))
            .to(device);
    Tensor expected;
    try {
      expected = module.forward({x}).toTensor();
    } catch (const std::exception& e) {
      const auto* torch_error = dynamic_cast<const c10::Error*>(&e);
      throw Refusal("forward()", "", "",
                    c10::str("it fails for a signal of ", frames, " frames: ",
                             torch_error ? torch_error->what_without_backtrace() : e.what()));
    }
    const Tensor y = streamed(network, x.reshape({-1, frames}));
    expected = expected.reshape({-1, expected.size(-1)});
    if (!y.defined() || y.sizes() != expected.sizes() || !at::allclose(y, expected, 1e-3, 1e-4))
      throw Refusal("forward()", "", "",
                    "its plan does not give what the model gives for the whole signal; a traced "
                    "model may have kept the length it was traced with: script it instead");
  }
}

}  // namespace

ScriptModel::ScriptModel(const std::string& path, at::Device device)
    : module_(read_module(path, device)), graph_(forward_graph(module_)), device_(device) {
  dtype_ = at::kFloat;
  for (const Tensor& t : module_.parameters()) {
    dtype_ = t.scalar_type();
    break;
  }
}

LayerPtr ScriptModel::plan(Padding padding, int64_t& channels) const {
  c10::InferenceMode guard;
  torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
  Attempt furthest;
  for (const int rank : {3, 2, 1}) {
    auto candidates = channels ? std::deque<int64_t>{channels} : likely_channels(module_);
    std::set<int64_t> tried;
    while (!candidates.empty()) {
      const int64_t c = candidates.front();
      candidates.pop_front();
      if (!tried.insert(c).second) continue;
      if (rank == 1 && c != 1) continue;
      std::vector<int64_t> shape = {1, c, -1};
      shape.erase(shape.begin(), shape.end() - rank);
      Attempt now = attempt(graph_, module_, shape, dtype_, device_, padding);
      if (now.network) {
        if (padding == Padding::kModel) prove(module_, shape, now.network, dtype_, device_);
        channels = c;
        return now.network;
      }
      if (now.wanted_channels && !channels) candidates.push_front(now.wanted_channels);
      if (!furthest.error || now.progress > furthest.progress) furthest = now;
    }
  }
  std::rethrow_exception(furthest.error);
}

}  // namespace torchstreamer::graph
