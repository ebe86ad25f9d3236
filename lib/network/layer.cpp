#include "network/layer.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "torchstreamer/error.h"

namespace torchstreamer {

void State::push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                        float* out) {
  c10::InferenceMode guard;
  // A copy: states keep what they are given.
  const Tensor x = at::from_blob(const_cast<float*>(in), {frames, channels}, at::kFloat).clone();
  const Tensor y = push({x}, step);
  if (y.defined() && step.frames > 0) at::from_blob(out, y.sizes(), at::kFloat).copy_(y);
}

Count Layer::join(const std::vector<Count>& in) const {
  Count all = in.front();
  for (const Count& one : in) all.limit(one);
  return all;
}

Format Format::with_channels(int64_t channels) const {
  Format out = *this;
  out.frame.back() = channels;
  return out;
}

int64_t Format::batch() const {
  int64_t batch = 1;
  for (size_t i = 0; i + 1 < frame.size(); ++i) batch *= frame[i];
  return batch;
}

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
