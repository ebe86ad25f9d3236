#include "graph/model/script_module.h"

#include <torch/csrc/jit/serialization/import.h>

#include "graph/script/load_fault.h"
#include "graph/script/module_copy.h"
#include "torchstreamer/error.h"
#include "trust/checked_operators.h"
#include "trust/known_operators.h"
#include "trust/load_code.h"

namespace torchstreamer::graph {
namespace {

// Returns a copy of the module in which each tensor has the type `type_for(its type)`. Tensors of
// that type are shared with the module. Module::to() would also convert integers, and would skip
// the lists of weights of recurrent layers.
template <class TypeFor>
torch::jit::Module with_types(const torch::jit::Module& module, const TypeFor& type_for) {
  const auto copy = [&](const Tensor& tensor) {
    const at::ScalarType type = type_for(tensor.scalar_type());
    return type == tensor.scalar_type() ? tensor : tensor.detach().to(type);
  };
  return torch::jit::Module(copied(module._ivalue(), copy).toObject());
}

}  // namespace

torch::jit::Module read_script_module(const std::string& path, at::Device device, Trust trust) {
  check_operators();
  try {
    if (trust == Trust::kProgram) return torch::jit::load(path, device);
    if (const std::string fault = load_code_fault(path); !fault.empty())
      throw Error("'" + path + "' " + fault +
                  "; with trust=operators, save the model with torch.export.save(), or " +
                  kSetTrust);
    torch::jit::Module module = torch::jit::load(path, device);
    require_known_operators(module);
    return module;
  } catch (const Error&) {
    throw;
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

int64_t bytes_of_tensors(const torch::jit::Module& module) {
  int64_t bytes = 0;
  for (const Tensor& t : module.parameters()) bytes += bytes_of(t);
  for (const Tensor& t : module.buffers()) bytes += bytes_of(t);
  return bytes;
}

int64_t integer_attribute(const torch::jit::Module& module, const std::string& name) {
  if (!module.hasattr(name)) return 0;
  const c10::IValue value = module.attr(name);
  return value.isInt() ? value.toInt() : 0;
}

}  // namespace torchstreamer::graph
