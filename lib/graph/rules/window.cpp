#include <ATen/ops/diff.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/lowering/linear.h"
#include "graph/rules/rules.h"
#include "streams/windowed.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {

std::vector<int64_t> entries(const Call& call, size_t i, int64_t axes) {
  const IValue value = call.constant(i);
  auto sizes = value.isInt() ? std::vector<int64_t>{value.toInt()} : value.toIntVector();
  if (sizes.size() == 1) sizes.resize(axes, sizes[0]);
  if (!sizes.empty() && static_cast<int64_t>(sizes.size()) != axes)
    call.refuse(
        c10::str("its argument ", i, " has ", sizes.size(), " entries for ", axes, " axes"));
  return sizes;
}

Stream applied(const Call& call, LayerPtr layer, const Stream& x, int axis) {
  try {
    Stream y = call.plan.add(call.node, std::move(layer), {x}, x);
    const Format format = call.plan.format(y);
    y.shape = format.frame;
    y.shape.insert(y.shape.begin() + axis, -1);
    y.axis = axis;
    y.dtype = format.dtype;
    return y;
  } catch (const Refusal&) {
    throw;
  } catch (const std::exception& e) {
    call.refuse(reason_of(e));
  }
}

namespace {

int axis_of(const Stream& x, int64_t dim) {
  return static_cast<int>(dim < 0 ? dim + static_cast<int64_t>(x.shape.size()) : dim);
}

}  // namespace

// (self, dimension, size, step). A window's own frames come last, the windows are the new time.
std::vector<Value> unfold(const Call& call) {
  const Stream x = call.stream(0);
  if (axis_of(x, call.integer(1)) != x.axis) return pointwise(call);
  const int64_t size = call.integer(2), step = call.integer(3);
  if (size < 1 || step < 1) call.refuse("it unfolds windows of no frames");
  WindowOptions window;
  window.kernel_frames = size;
  window.stride_frames = step;
  window.rule = [=](const Tensor& frames) { return frames.unfold(0, size, step); };
  window.description = c10::str("Unfold(", size, ", step ", step, ")");
  window.computation = linear_window(window, call.plan.format(x));
  Stream y = applied(call, window_layer(window), x, x.axis);
  y.shift = x.shift / Rational(step);
  return {y};
}

// (self, n, dim, prepend, append).
std::vector<Value> difference(const Call& call) {
  Stream x = call.stream(0);
  if (axis_of(x, call.integer(2)) != x.axis) return pointwise(call);
  std::vector<Value> pieces = {call.args[3], Value(x), call.args[4]};
  auto is_none = [](const Value& v) { return v.is_constant() && v.constant()->isNone(); };
  pieces.erase(std::remove_if(pieces.begin(), pieces.end(), is_none), pieces.end());
  if (pieces.size() > 1) x = *concatenated(call, pieces).at(0).stream();
  const int64_t n = call.integer(1);
  if (n == 0) return {x};
  WindowOptions window;
  window.kernel_frames = n + 1;
  window.rule = [n](const Tensor& frames) { return at::diff(frames, n, 0); };
  window.description = c10::str("Diff(", n, ")");
  window.may_be_empty = true;
  window.computation = linear_window(window, call.plan.format(x));
  return {applied(call, window_layer(window), x, x.axis)};
}

}  // namespace torchstreamer::graph
