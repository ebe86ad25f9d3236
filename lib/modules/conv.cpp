#include "streams/conv.h"

#include "streams/conv_transpose.h"
#include "support/weights.h"
#include "torchstreamer/modules.h"

namespace torchstreamer {

Conv1dStream::Conv1dStream(const torch::nn::Conv1d& module)
    : LayerStream(conv1d_layer(shared_weight(module->weight), shared_weight(module->bias),
                               module->options.stride()->front(),
                               module->options.dilation()->front(), module->options.groups())) {}

ConvTranspose1dStream::ConvTranspose1dStream(const torch::nn::ConvTranspose1d& module)
    : LayerStream(conv_transpose1d_layer(
          shared_weight(module->weight), shared_weight(module->bias),
          module->options.stride()->front(), module->options.output_padding()->front(),
          module->options.groups(), module->options.dilation()->front())) {}

}  // namespace torchstreamer
