#include "streams/conv.h"

#include "streams/conv_transpose.h"
#include "support/weights.h"
#include "torchstreamer/modules.h"

namespace torchstreamer {
namespace {

template <class Convolution, class Module>
Convolution convolution_of(const Module& module) {
  Convolution c;
  c.weight = shared_weight(module.weight);
  c.bias = shared_weight(module.bias);
  c.stride = module.options.stride()->front();
  c.dilation = module.options.dilation()->front();
  c.groups = module.options.groups();
  return c;
}

}  // namespace

Conv1dStream::Conv1dStream(const torch::nn::Conv1d& module)
    : LayerStream(conv1d_layer(convolution_of<Convolution1d>(*module))) {}

ConvTranspose1dStream::ConvTranspose1dStream(const torch::nn::ConvTranspose1d& module)
    : LayerStream(conv_transpose1d_layer(convolution_of<TransposedConvolution1d>(*module),
                                         module->options.output_padding()->front())) {}

}  // namespace torchstreamer
