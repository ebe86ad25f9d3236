#include <ATen/core/grad_mode.h>
#include <c10/util/StringUtil.h>

#include "modules/custom_layer.h"
#include "network/network.h"
#include "streams/pointwise.h"
#include "streams/trim.h"
#include "torchstreamer/modules.h"

namespace torchstreamer {
namespace {

// Returns the number of frames by which the net shortens every signal that is long enough for it.
int64_t lost_frames(const Timing& net) {
  if (net.rate() != Rational(1))
    throw Error(c10::str("its net makes ", net.rate().num, " frames out of ", net.rate().den,
                         "; a residual needs one output frame for each input frame"));
  // The loss is periodic in the length of the signal, so the lengths of two periods are enough.
  const int64_t from = 2 * net.receptive_field_frames() + net.period_frames();
  const int64_t lost = from - net.frames_out(from, true);
  for (int64_t n = from; n <= from + 2 * net.period_frames(); ++n)
    if (n - net.frames_out(n, true) != lost)
      throw Error("its net shortens the signal by a number of frames that depends on its length");
  if (lost < 0)
    throw Error(c10::str("its net makes the signal ", -lost,
                         " frames longer; a residual crops the input, not the output"));
  return lost;
}

LayerPtr residual_layer(const Residual1d& module) {
  LayerPtr net;
  try {
    net = layer_of(create_stream(module->net()));
  } catch (const Refusal& e) {
    throw e.inside("net");
  }
  // The end of the input is not cropped, because the sum ends with the shorter operand.
  TrimOptions skip;
  skip.start_frames = lost_frames(net->timing()) / 2;
  skip.description = c10::str("first ", skip.start_frames);
  auto sum = [](const Tensors& in) { return in[0] + in[1]; };
  return std::make_shared<Network>(
      std::vector<Network::Node>{{net, {Network::kSource}, {"net", "", ""}},
                                 {trim1d_layer(skip), {Network::kSource}, {"skip", "", ""}},
                                 {pointwise_layer({sum, "add"}), {0, 1}, {}}});
}

}  // namespace

Residual1dImpl::Residual1dImpl(torch::nn::AnyModule net) : net_(std::move(net)) {
  if (net_.is_empty()) throw Error("Residual1d: the net is empty");
  register_module("net", net_.ptr());
  for (const auto& module : net_.ptr()->named_modules()) {
    const auto* conv = dynamic_cast<const torch::nn::Conv1dImpl*>(module.value().get());
    if (conv && conv->options.stride()->front() != 1)
      throw Error(c10::str("Residual1d: the convolution '", module.key(), "' has stride ",
                           conv->options.stride()->front(),
                           "; a residual needs one output frame for each input frame (stride 1)"));
  }
}

at::Tensor Residual1dImpl::forward(const at::Tensor& x) {
  // The net gets a copy, because it may write to its input.
  const at::Tensor y = net_.forward<at::Tensor>(x.clone());
  const int64_t lost = x.size(-1) - y.size(-1);
  if (lost < 0)
    throw Error(c10::str("Residual1d: the net makes the signal ", -lost, " frames longer"));
  return y + x.narrow(-1, lost / 2, y.size(-1));
}

std::shared_ptr<torch::nn::Module> Residual1dImpl::clone(
    const Optional<torch::Device>& device) const {
  at::NoGradGuard guard;
  return std::make_shared<Residual1dImpl>(net_.clone(device));
}

Residual1dStream::Residual1dStream(const Residual1d& module)
    : LayerStream(residual_layer(module)) {}

}  // namespace torchstreamer
