#include "graph/model/script_module.h"

#include <torch/csrc/jit/serialization/import.h>

#include "graph/script/load_fault.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

// Returns a copy of the module in which each tensor has the type `type_for(its type)`.
// Module::to() would also convert integers, and would skip the lists of weights of recurrent
// layers.
template <class TypeFor>
torch::jit::Module with_types(const torch::jit::Module& module, const TypeFor& type_for) {
  const torch::jit::Module copy = module.deepcopy();
  c10::IValue(copy._ivalue()).visit([&](const c10::IValue& value) {
    if (value.isTensor() && value.toTensor().defined()) {
      const Tensor& tensor = value.toTensor();
      const at::ScalarType type = type_for(tensor.scalar_type());
      if (type != tensor.scalar_type()) tensor.set_data(tensor.to(type));
    }
    return false;
  });
  return copy;
}

}  // namespace

torch::jit::Module read_script_module(const std::string& path, at::Device device) {
  try {
    return torch::jit::load(path, device);
  } catch (const std::exception& e) {
    throw Error("'" + path + "' " + load_fault(e));
  }
}

Tensors floating_weights(const torch::jit::Module& module) {
  Tensors weights;
  for (const Tensor& t : module.parameters()) weights.push_back(t);
  for (const Tensor& t : module.buffers())
    if (at::isFloatingType(t.scalar_type())) weights.push_back(t);
  return weights;
}

torch::jit::Module converted(const torch::jit::Module& module, at::ScalarType dtype) {
  return with_types(module, [dtype](at::ScalarType type) {
    if (at::isComplexType(type)) return at::toComplexType(dtype);
    return at::isFloatingType(type) ? dtype : type;
  });
}

torch::jit::Module widened(const torch::jit::Module& module, at::ScalarType half) {
  return with_types(module, [half](at::ScalarType type) {
    if (type == at::kComplexHalf && half == at::kHalf) return at::kComplexFloat;
    return type == half ? at::kFloat : type;
  });
}

}  // namespace torchstreamer::graph
