#include "modules/table.h"

#include "torchstreamer/modules.h"

namespace torchstreamer {
namespace {

// Creates a stream whose constructor takes the module holder.
template <class Stream, class Holder>
std::shared_ptr<BaseStream> stream_of(const torch::nn::AnyModule& module) {
  using Impl = typename Holder::ContainedType;
  return std::make_shared<Stream>(Holder(std::dynamic_pointer_cast<Impl>(module.ptr())));
}

}  // namespace

// One row for each module: its type and the stream class.
std::map<std::type_index, Streamer> built_in_streamers() {
  namespace nn = torch::nn;
  return {
      {typeid(nn::Conv1dImpl), stream_of<Conv1dStream, nn::Conv1d>},
      {typeid(nn::ConvTranspose1dImpl), stream_of<ConvTranspose1dStream, nn::ConvTranspose1d>},
      {typeid(nn::AvgPool1dImpl), stream_of<Pool1dStream, nn::AvgPool1d>},
      {typeid(nn::MaxPool1dImpl), stream_of<Pool1dStream, nn::MaxPool1d>},
      {typeid(Sequential1dImpl), stream_of<Sequential1dStream, nn::Sequential>},
      {typeid(Residual1dImpl), stream_of<Residual1dStream, Residual1d>},
  };
}

}  // namespace torchstreamer
