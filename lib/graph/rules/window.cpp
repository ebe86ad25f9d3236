// Windows of the signal: unfold(), diff() and im2col().
#include <ATen/ops/diff.h>
#include <ATen/ops/im2col.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/rules/families.h"
#include "graph/rules/support/arguments.h"
#include "graph/rules/support/concatenation.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/padding.h"
#include "graph/rules/support/pointwise.h"

namespace torchstreamer::graph {
namespace {

// (self, dimension, size, step). The frames of a window become the last axis; the windows become
// the time axis.
std::vector<Value> unfold(const Call& call) {
  const Stream x = call.stream(0);
  if (axis_argument(call, 1, x) != x.axis) return pointwise(call);
  const int64_t size = call.integer(2), step = call.integer(3);
  if (size < 1 || step < 1) call.refuse("it unfolds windows of no frames");
  WindowOptions window;
  window.kernel_frames = size;
  window.stride_frames = step;
  window.rule = [=](const Tensor& frames) { return frames.unfold(0, size, step); };
  window.description = c10::str("Unfold(", size, ", step ", step, ")");
  return {add_linear_window(call, window, x, x.axis)};
}

// (self, n, dim, prepend, append).
std::vector<Value> difference(const Call& call) {
  Stream x = call.stream(0);
  if (axis_argument(call, 2, x) != x.axis) return pointwise(call);
  std::vector<Value> pieces = {call.args[3], Value(x), call.args[4]};
  auto is_none = [](const Value& v) { return v.is_constant() && v.constant()->isNone(); };
  pieces.erase(std::remove_if(pieces.begin(), pieces.end(), is_none), pieces.end());
  if (pieces.size() > 1) x = add_concatenation(call, pieces);
  const int64_t n = call.integer(1);
  if (n == 0) return {x};
  WindowOptions window;
  window.kernel_frames = n + 1;
  window.rule = [n](const Tensor& frames) { return at::diff(frames, n, 0); };
  window.description = c10::str("Diff(", n, ")");
  window.may_be_empty = true;
  return {add_linear_window(call, window, x, x.axis)};
}

// torch.nn.functional.unfold: (self, kernel_size, dilation, padding, stride). Each window of an
// image `[.., C, time and one more axis]` becomes a frame of `C * kernel` samples. The window must
// cover the whole other axis.
std::vector<Value> image_windows(const Call& call) {
  Stream x = call.stream(0);
  const int batch_axes = static_cast<int>(x.shape.size()) - 2, time = x.axis - batch_axes;
  if (time < 0) call.refuse_shape("it does not run along the time axis");
  const int other = 1 - time;
  const auto kernel = entries(call, 1, 2), dilation = entries(call, 2, 2);
  const auto stride = entries(call, 4, 2);
  auto padding = entries(call, 3, 2);
  const int64_t room =
      x.shape.end()[-2 + other] + 2 * padding[other] - span_frames(kernel[other], dilation[other]);
  if (room < 0 || room >= stride[other])
    call.refuse(
        "its windows must be as long as the axis beside time, so that each window is one frame");
  x = add_padding(call, x, padding[time], padding[time]);
  padding[time] = 0;
  WindowOptions window;
  window.kernel_frames = span_frames(kernel[time], dilation[time]);
  window.stride_frames = stride[time];
  window.rule = [=, axis = x.axis](const Tensor& frames) {
    return at::im2col(frames.movedim(0, axis), kernel, dilation, padding, stride).movedim(-1, 0);
  };
  window.description = c10::str("Unfold(kernel ", at::IntArrayRef(kernel), ", stride ",
                                at::IntArrayRef(stride), ")");
  return {add_linear_window(call, window, x, batch_axes)};
}

}  // namespace

const RuleRows& window_rules() {
  static const RuleRows rows = {
      {"aten::diff", difference},
      {"aten::im2col", image_windows},
      {"aten::unfold", unfold},
  };
  return rows;
}

}  // namespace torchstreamer::graph
