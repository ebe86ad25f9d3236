#include "graph/model/script_module.h"

#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/serialization/import.h>

#include <fstream>

#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {

// TorchScript files are zip archives.
bool is_script_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char magic[4] = {};
  return file.read(magic, sizeof magic) && std::string(magic, sizeof magic) == "PK\3\4";
}

torch::jit::Module read_script_module(const std::string& path, at::Device device) {
  if (!std::ifstream(path, std::ios::binary)) throw Error("cannot open the model '" + path + "'");
  if (!is_script_file(path))
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

Tensors floating_weights(const torch::jit::Module& module) {
  Tensors weights;
  for (const Tensor& t : module.parameters()) weights.push_back(t);
  for (const Tensor& t : module.buffers())
    if (at::isFloatingType(t.scalar_type())) weights.push_back(t);
  return weights;
}

// Module::to() would also convert integers, and would skip the lists of weights of recurrent
// layers.
torch::jit::Module converted(const torch::jit::Module& module, at::ScalarType dtype) {
  const torch::jit::Module copy = module.deepcopy();
  c10::IValue(copy._ivalue()).visit([&](const c10::IValue& value) {
    if (value.isTensor() && value.toTensor().defined()) {
      const Tensor& tensor = value.toTensor();
      const bool is_complex = at::isComplexType(tensor.scalar_type());
      if (is_complex || at::isFloatingType(tensor.scalar_type()))
        tensor.set_data(tensor.to(is_complex ? at::toComplexType(dtype) : dtype));
    }
    return false;
  });
  return copy;
}

}  // namespace torchstreamer::graph
