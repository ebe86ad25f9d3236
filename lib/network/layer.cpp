#include "network/layer.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

namespace torchstreamer {

void State::push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                        float* out) {
  c10::InferenceMode guard;
  // Copies the frames, because states keep them.
  const Tensor x = at::from_blob(const_cast<float*>(in), {frames, channels}, at::kFloat).clone();
  const Tensor y = push({x}, step);
  if (y.defined() && step.frames > 0) at::from_blob(out, y.sizes(), at::kFloat).copy_(y);
}

void Layer::push_together(Push* const* pushes, int count) const {
  for (int p = 0; p < count; ++p) try {
      Push& push = *pushes[p];
      push.state->push_frames(push.in, push.frames, push.channels, push.step, push.out);
    } catch (...) {
      pushes[p]->error = std::current_exception();
    }
}

Count Layer::join(const std::vector<Count>& in) const {
  if (join_) return join_(in);
  Count all = in.front();
  for (const Count& one : in) all.limit(one);
  return all;
}

}  // namespace torchstreamer
