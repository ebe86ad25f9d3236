// Windows of the signal: unfold() and diff().
#include <ATen/ops/diff.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/rules/families.h"
#include "graph/rules/support/arguments.h"
#include "graph/rules/support/concatenation.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/pointwise.h"

namespace torchstreamer::graph {
namespace {

// (self, dimension, size, step). The frames of a window become the last axis; windows are the new
// time.
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

}  // namespace

const RuleRows& window_rules() {
  static const RuleRows rows = {
      {"aten::diff", difference},
      {"aten::unfold", unfold},
  };
  return rows;
}

}  // namespace torchstreamer::graph
