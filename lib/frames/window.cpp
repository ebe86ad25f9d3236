#include "frames/window.h"

#include <algorithm>

namespace torchstreamer {

Tensor Window::push(const Tensors& in, const Step& step) {
  queue_.append(in[0]);  // (1)
  if (step.frames == 0) return {};
  const int64_t reach = (step.frames - 1) * stride_ + kernel_;
  Tensor y = rule_(queue_.view(std::min(reach, queue_.frames())), step);  // (2)
  queue_.drop(step.frames * stride_);                                     // (3)
  return y;
}

}  // namespace torchstreamer
