#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Type.h>

#include "modules/probe.h"
#include "streams/pointwise.h"
#include "support/exceptions.h"
#include "support/weights.h"
#include "torchstreamer/modules.h"

namespace torchstreamer {
namespace {

using torch::nn::AnyModule;

// Returns a copy of the module with shared parameters, or the module itself if it cannot be cloned.
AnyModule own_copy(const AnyModule& module) {
  at::NoGradGuard guard;
  AnyModule copy;
  try {
    copy = module.clone();
  } catch (const c10::Error&) {
    return module;
  }
  if (!copy.ptr()) return module;  // clone() returned a different type
  auto share = [](std::vector<Tensor> to, const std::vector<Tensor>& from) {
    for (size_t i = 0; i < to.size(); ++i) to[i].set_data(shared_weight(from[i]));
  };
  share(copy.ptr()->parameters(), module.ptr()->parameters());
  share(copy.ptr()->buffers(), module.ptr()->buffers());
  return copy;
}

// Calls the module with `[1, C, T]`, like the offline network.
PointwiseRule rule_of(AnyModule module, bool writes_its_input) {
  return [module, writes_its_input](const Tensors& in) mutable {
    const Tensor x = in[0].movedim(0, -1).unsqueeze(0);
    const Tensor y = module.forward<Tensor>(writes_its_input ? x.clone() : x);
    TORCH_CHECK(y.dim() == 3 && y.size(0) == 1, "its output has the shape ", y.sizes(),
                ", not [1, C, T]");
    return y.squeeze(0).movedim(-1, 0);
  };
}

bool writes_its_input(AnyModule module, const Format& format) {
  const Tensor x = probe_signal(format, 16), given = x.clone();
  module.forward<Tensor>(given);
  return !given.equal(x);
}

LayerPtr elementwise_layer(const AnyModule& original) {
  const std::string type = c10::demangle(typeid(*original.ptr()).name());
  AnyModule module = own_copy(original);
  const NoTrace no_trace(*module.ptr());
  c10::InferenceMode guard;
  try {
    const PointwiseRule rule = rule_of(module, true);
    const Format format = probed_format(*module.ptr(), [&](const Format& likely) {
      pointwise_layer({rule, "it"})->accept({likely});
    });
    const FullPrecision full_precision(format.device);
    prove_pointwise(rule, {format});
    return pointwise_layer({rule_of(module, writes_its_input(module, format)), type});
  } catch (const std::exception& e) {
    throw Refusal(
        type, "", "",
        reason_of(e) +
            (module.ptr()->is_training() ? " (the module is in training mode: try eval())" : ""));
  }
}

}  // namespace

Elementwise1dStream::Elementwise1dStream(const AnyModule& module)
    : LayerStream(elementwise_layer(module)) {}

}  // namespace torchstreamer
