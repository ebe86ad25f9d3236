#include "network/format.h"

#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>

#include "torchstreamer/error.h"

namespace torchstreamer {

int64_t Format::batch() const {
  int64_t batch = 1;
  for (size_t i = 0; i + 1 < frame.size(); ++i) batch *= frame[i];
  return batch;
}

Format Format::with_channels(int64_t channels) const {
  Format out = *this;
  out.frame.back() = channels;
  return out;
}

at::TensorOptions Format::options() const { return at::TensorOptions(dtype).device(device); }

std::vector<int64_t> Format::shape(int64_t frames) const {
  std::vector<int64_t> shape = {frames};
  shape.insert(shape.end(), frame.begin(), frame.end());
  return shape;
}

Tensor Format::zeros(int64_t frames) const { return at::zeros(shape(frames), options()); }

bool operator==(const Format& a, const Format& b) {
  return a.dtype == b.dtype && a.device == b.device && a.frame == b.frame;
}

void require_format(const Format& in, int64_t channels, const Tensor& weight,
                    const std::string& describe) {
  if (in.frame.empty() || (in.channels() != channels && in.channels() != kUnknownChannels))
    throw Error(c10::str(describe, " takes ", channels, " channels, not ", in.channels()));
  if (in.dtype != weight.scalar_type())
    throw Error(c10::str(describe, " has weights of type ", weight.scalar_type(),
                         ", but the input is ", in.dtype, "; convert one of them with .to(dtype)"));
  if (in.device != weight.device())
    throw Error(c10::str(describe, " has its weights on ", weight.device(),
                         ", but the input is on ", in.device));
}

}  // namespace torchstreamer
