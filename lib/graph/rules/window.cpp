// Windows of the signal, and their sums: unfold() and diff(), and torch.nn.functional.unfold() and
// fold() of images.
#include <ATen/ops/col2im.h>
#include <ATen/ops/diff.h>
#include <ATen/ops/im2col.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/lowering/linear.h"
#include "graph/plan/refusal.h"
#include "graph/rules/families.h"
#include "graph/rules/support/arguments.h"
#include "graph/rules/support/concatenation.h"
#include "graph/rules/support/frames.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/padding.h"
#include "graph/rules/support/pointwise.h"
#include "streams/pointwise.h"
#include "streams/windowed.h"

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

using Sizes = std::vector<int64_t>;

/// The arguments of unfold() and fold() of images, each with one entry for the height and one for
/// the width. An image is the signal with one more axis.
struct ImageWindows {
  /// `first`: index of the argument for the kernel.
  ImageWindows(const Call& call, size_t first)
      : kernel(entries(call, first, 2)),
        dilation(entries(call, first + 1, 2)),
        padding(entries(call, first + 2, 2)),
        stride(entries(call, first + 3, 2)) {}

  int64_t span(int axis) const { return span_frames(kernel[axis], dilation[axis]); }
  /// Number of windows along an axis of this size.
  int64_t count(int axis, int64_t size) const {
    const int64_t room = size + 2 * padding[axis] - span(axis);
    return room < 0 ? 0 : room / stride[axis] + 1;
  }
  std::string describe(const char* name) const {
    return c10::str(name, "(kernel ", at::IntArrayRef(kernel), ", stride ", at::IntArrayRef(stride),
                    ")");
  }

  Sizes kernel, dilation, padding, stride;
};

// Turns `rows` entries of the last axis of each frame, `[.., rows]`, to frames, `[..]`.
Stream add_flattening(const Call& call, const Stream& x, int axis, int64_t rows) {
  const Format format = call.plan.format(x);
  const int64_t samples = format.samples() / rows;
  Rearrangement order{{}, rows, 1};
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < samples; ++i) order.samples.push_back({0, i * rows + row});
  PointwiseOptions options{[](const Tensors& in) { return in[0].movedim(-1, 1).flatten(0, 1); },
                           "flatten", 1, rows};
  if (format.dtype == at::kFloat) options.computation = std::move(order);
  return add_layer(call, pointwise_layer(options), x, axis);
}

// (self, kernel_size, dilation, padding, stride). Each window of an image `[.., C, time and one
// more axis]` becomes a frame of `C * kernel` samples. Windows are counted row by row, so that
// several windows at one time are successive frames if time is the height.
std::vector<Value> unfold_image(const Call& call) {
  Stream x = call.stream(0);
  const int batch_axes = static_cast<int>(x.shape.size()) - 2, time = x.axis - batch_axes;
  if (time < 0) call.refuse_shape("it does not run along the time axis");
  ImageWindows windows(call, 1);
  const int64_t rows = windows.count(1 - time, x.shape.end()[-1 - time]);
  if (rows < 1) call.refuse_shape("its windows are longer than the axis other than time");
  if (rows > 1 && time == 1)
    call.refuse(
        "its windows must be as long as the axis other than time, so that each window is one "
        "frame, or time must be the first one of both axes");
  x = add_padding(call, x, windows.padding[time], windows.padding[time]);
  windows.padding[time] = 0;
  WindowOptions window;
  window.kernel_frames = windows.span(time);
  window.stride_frames = windows.stride[time];
  // `[.., C * kernel, windows]` -> `[windows in time, .., C * kernel, rows]`
  window.rule = [=, axis = x.axis](const Tensor& frames) {
    const Tensor y = at::im2col(frames.movedim(0, axis), windows.kernel, windows.dilation,
                                windows.padding, windows.stride);
    return rows == 1 ? y.movedim(-1, 0) : y.unflatten(-1, {-1, rows}).movedim(-2, 0);
  };
  window.description = windows.describe("Unfold");
  if (rows == 1) return {add_linear_window(call, window, x, batch_axes)};
  return {add_flattening(call, add_linear_window(call, window, x, batch_axes), batch_axes, rows)};
}

// The axis of the image along which its size grows with the signal; -1 if there is none.
int time_axis_of(const Call& call, const std::vector<Value>& size) {
  if (size.size() != 2) call.refuse("its output_size must have two entries");
  for (const Value& entry : size)
    if (!entry.constant() && !entry.symbol())
      call.refuse("its output_size is computed from the signal");
  return size[0].symbol() ? 0 : size[1].symbol() ? 1 : -1;
}

// Requires that the given size has as many windows as there are frames, as torch does.
void require_windows(const Call& call, const ImageWindows& windows, int time, const Stream& x,
                     const SymbolPtr& size) {
  const auto fits = [=, frames = frames_of(call, x)](int64_t n) {
    return frames(n) == windows.count(time, size->at(n).toInt());
  };
  call.lengths.require(fits, call.node, {size}, "its output_size does not fit its input");
}

// Refuses frames that are not windows: their number of samples is not a multiple of the kernel's.
void require_kernel(const Call& call, const ImageWindows& windows, const Stream& x) {
  const int64_t samples = windows.kernel[0] * windows.kernel[1], given = x.shape.end()[-2];
  if (given % samples == 0) return;
  const std::string reason =
      c10::str("it takes a multiple of ", samples, " channels and is given ", given);
  throw ChannelMismatch(refusal(call.node, reason).what(), samples);
}

// Adds the sum of the windows, without padding: `[.., C, time and one more axis]`.
Stream add_sum(const Call& call, const ImageWindows& windows, int time, const Stream& x,
               int64_t other_size) {
  OverlapAddOptions sum;
  sum.kernel_frames = windows.span(time);
  require_window(call, sum.kernel_frames);
  sum.stride_frames = windows.stride[time];
  sum.rule = [=](const Tensor& frames) {
    Sizes size(2, other_size), padding = windows.padding;
    size[time] = (frames.size(0) - 1) * windows.stride[time] + windows.span(time);
    padding[time] = 0;
    return at::col2im(frames.movedim(0, -1), size, windows.kernel, windows.dilation, padding,
                      windows.stride)
        .movedim(-2 + time, 0);
  };
  sum.description = windows.describe("Fold");
  sum.computation = linear_overlap(sum, call.plan.format(x));
  return add_layer(call, overlap_add_layer(sum), x, x.axis + time);
}

// (self, output_size, kernel_size, dilation, padding, stride). Overlap-add: each frame of
// `C * kernel` samples, `[.., C * kernel, T]`, is a window of the image. Frames up to `output_size`
// that no window covers are zero.
std::vector<Value> fold_image(const Call& call) {
  const Stream x = call.stream(0);
  require_time_axis(call, x, static_cast<int64_t>(x.shape.size()) - 1);
  const ListPtr* size = call.args[1].list();
  const int time = size ? time_axis_of(call, **size) : -1;
  if (time < 0)
    call.refuse(
        "its output_size is the same for all lengths of the signal: compute it from the number of "
        "frames, and script the model");
  const ImageWindows windows(call, 2);
  const Value& other = (**size)[1 - time];
  if (!other.constant() || windows.count(1 - time, other.constant()->toInt()) != 1)
    call.refuse("its windows must be as long as the axis other than time");
  require_kernel(call, windows, x);
  const SymbolPtr requested = *(**size)[time].symbol();
  require_windows(call, windows, time, x, requested);
  const int64_t cropped = windows.padding[time];
  const auto frames = frames_of(call, x);
  const auto missing = [=](int64_t n) {
    const int64_t summed = (frames(n) - 1) * windows.stride[time] + windows.span(time);
    return requested->at(n).toInt() + cropped - summed;
  };
  const auto effect = [=](int64_t n, int64_t count) { return frames(n) > 0 ? count : 0; };
  const Frames right =
      call.lengths.formula(missing, call.node, {requested}, "its output_size", effect);
  const Stream sum = add_sum(call, windows, time, x, other.constant()->toInt());
  return {add_padding(call, sum, -cropped, right)};
}

}  // namespace

const RuleRows& window_rules() {
  static const RuleRows rows = {
      {"aten::col2im", fold_image},
      {"aten::diff", difference},
      {"aten::im2col", unfold_image},
      {"aten::unfold", unfold},
  };
  return rows;
}

}  // namespace torchstreamer::graph
