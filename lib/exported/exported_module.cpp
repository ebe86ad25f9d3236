#include "exported/exported_module.h"

#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "support/exceptions.h"
#include "torchstreamer/error.h"
#include "trust/known_operators.h"

namespace torchstreamer::exported {
namespace {

using Shapes = std::vector<std::vector<int64_t>>;

// Shapes of all tensors in a value.
Shapes shapes_of(const c10::IValue& value) {
  Shapes shapes;
  value.visit([&](const c10::IValue& part) {
    if (part.isTensor()) shapes.push_back(part.toTensor().sizes().vec());
    return false;
  });
  return shapes;
}

/// A program that was exported without a dynamic axis.
class StaticProgram {
 public:
  explicit StaticProgram(const Converted& program)
      : module_(program.module), input_(program.inputs.at(0)), axis_(*input_.free_axis()) {}

  // The graph may fit other lengths nevertheless. A shorter signal fails if the length is the size
  // of a view; the output for a longer one does not grow if it is cropped to the length.
  void require_other_lengths() {
    const Shapes exported = output_shapes(frames());
    if (shorter_shapes() == exported || longer_shapes() == exported)
      refuse("its output does not grow with the signal");
  }

 private:
  int64_t frames() const { return input_.axes[axis_].sizes.least; }

  // None if the signal is too short for the model.
  std::optional<Shapes> shorter_shapes() {
    try {
      return output_shapes(frames() / 2);
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

  Shapes longer_shapes() {
    try {
      return output_shapes(2 * frames());
    } catch (const std::exception& e) {
      refuse(reason_of(e));
    }
  }

  Shapes output_shapes(int64_t frames) {
    std::vector<int64_t> shape;
    for (const Axis& axis : input_.axes) shape.push_back(axis.sizes.least);
    shape[axis_] = frames;
    return shapes_of(module_.forward({at::zeros(shape, input_.options)}));
  }

  [[noreturn]] void refuse(const std::string& reason) const {
    throw Refusal("forward()", "", "",
                  c10::str("the program was exported for ", frames(),
                           " frames, which are part of its graph; export it with dynamic_shapes={'",
                           input_.name, "': {", axis_,
                           ": torch.export.Dim.AUTO}}, without run_decompositions() if it has "
                           "recurrent layers, or set window=",
                           frames(), ", which calls it block by block: ", reason));
  }

  torch::jit::Module module_;
  Input input_;
  size_t axis_;
};

}  // namespace

torch::jit::Module read_exported_module(const std::string& path, at::Device device, Calls calls,
                                        Trust trust) {
  const Converted program = convert_program(path, device, calls);
  if (trust == Trust::kOperators) require_known_operators(program.module);
  c10::InferenceMode inference;
  torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
  if (program.inputs.size() == 1 && !c10::isFloatingType(program.inputs[0].type()))
    throw Refusal("forward()", "", "",
                  c10::str("the program was exported for a signal of type ",
                           program.inputs[0].type(), "; export it for floating-point samples"));
  const bool may_be_static = calls == Calls::kWholeSignal && program.inputs.size() == 1;
  if (may_be_static && program.inputs[0].free_axis())
    StaticProgram(program).require_other_lengths();
  return program.module;
}

}  // namespace torchstreamer::exported
