#include "streams/pool.h"

#include <c10/util/StringUtil.h>
#include <c10/util/Type.h>

#include "torchstreamer/error.h"
#include "torchstreamer/modules.h"

namespace torchstreamer {
namespace {

Pool1d options_of(const torch::nn::AnyModule& module) {
  Pool1d o;
  if (const auto* max = dynamic_cast<torch::nn::MaxPool1dImpl*>(module.ptr().get())) {
    o.kind = Pool1d::Kind::kMax;
    o.kernel_frames = max->options.kernel_size()->front();
    o.stride_frames = max->options.stride()->front();
    o.dilation_frames = max->options.dilation()->front();
    o.ceil_mode = max->options.ceil_mode();
  } else if (const auto* avg = dynamic_cast<torch::nn::AvgPool1dImpl*>(module.ptr().get())) {
    o.kind = Pool1d::Kind::kAverage;
    o.kernel_frames = avg->options.kernel_size()->front();
    o.stride_frames = avg->options.stride()->front();
    o.ceil_mode = avg->options.ceil_mode();
    // Without padding, count_include_pad makes no difference.
  } else {
    throw Error(c10::str("invalid pooling layer: ", c10::demangle(typeid(*module.ptr()).name()),
                         "; Pool1dStream takes torch::nn::AvgPool1d and torch::nn::MaxPool1d"));
  }
  return o;
}

}  // namespace

Pool1dStream::Pool1dStream(const torch::nn::AnyModule& module)
    : LayerStream(pool1d_layer(options_of(module))) {}

}  // namespace torchstreamer
