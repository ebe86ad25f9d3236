#include "modules/sequential.h"

#include "modules/custom_layer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "modules/probe.h"
#include "network/network.h"

namespace torchstreamer {
namespace {

LayerPtr sequential_layer(const torch::nn::Sequential& module) {
  std::vector<LayerPtr> layers;
  const auto names = module->named_children().keys();
  for (const torch::nn::AnyModule& child : *module) {
    try {
      layers.push_back(layer_of(create_stream(child)));
    } catch (const Refusal& e) {
      throw e.inside(names[layers.size()]);
    }
  }
  return Network::chain(std::move(layers));
}

// Long enough for most networks. A shorter signal may give no output to compare.
constexpr int64_t kProbeFrames = 4096;

}  // namespace

bool is_sequential(const torch::nn::AnyModule& module) {
  const auto chain = std::dynamic_pointer_cast<torch::nn::SequentialImpl>(module.ptr());
  if (!chain) return false;
  at::NoGradGuard guard;
  const NoTrace no_trace(*chain);
  bool same = true;
  try {
    probed_format(*chain, [&](const Format& likely) {
      const FullPrecision full_precision(likely.device);
      // The signal is quiet and loud, because an activation may hide a difference at one level.
      for (const double level : {0.1, 1.0, 30.0}) {
        const Tensor x = probe_signal(likely, kProbeFrames) * level;
        const Tensor expected = chain->forward(x.clone());
        const Tensor y = torch::nn::AnyModule(module).forward<Tensor>(x.clone());
        same = same && is_close(y, expected, 1e-5);
      }
    });
  } catch (const Error&) {
    return false;
  }
  return same;
}

torch::nn::AnyModule any_module(const torch::nn::Sequential& module) {
  Sequential1d chain;
  const auto names = module->named_children().keys();
  for (const torch::nn::AnyModule& child : *module) chain->push_back(names[chain->size()], child);
  return torch::nn::AnyModule(chain);
}

std::shared_ptr<torch::nn::Module> Sequential1dImpl::clone(
    const Optional<torch::Device>& device) const {
  at::NoGradGuard guard;
  auto copy = std::make_shared<Sequential1dImpl>();
  const auto names = named_children().keys();
  for (const torch::nn::AnyModule& child : *this)
    copy->push_back(names[copy->size()], child.clone(device));
  return copy;
}

Sequential1dStream::Sequential1dStream(const torch::nn::Sequential& module)
    : LayerStream(sequential_layer(module)) {}

}  // namespace torchstreamer
