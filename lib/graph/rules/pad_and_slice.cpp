#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/rules.h"
#include "streams/pad1d.h"
#include "streams/trim1d.h"

namespace torchstreamer::graph {
namespace {

// torch.nn.functional.pad counts its pairs from the last axis.
std::vector<Value> pad_constant(const Call& call, double value) {
  const Stream x = call.stream(0);
  std::vector<int64_t> pairs;
  if (const ListPtr* list = call.args[1].list()) {
    for (const Value& item : **list)
      pairs.push_back(call.planner.fixed_integer(item, call.node, "the padding"));
  } else {
    pairs = call.constant(1).toIntVector();
  }
  const size_t left = 2 * (x.shape.size() - 1 - x.axis);
  for (size_t i = 0; i < pairs.size(); ++i)
    if (pairs[i] != 0 && i != left && i != left + 1) call.refuse("it pads an axis other than time");
  if (left + 1 >= pairs.size()) return {x};
  return {padded(call, x, pairs[left], pairs[left + 1], value)};
}

}  // namespace

Stream padded(const Call& call, Stream x, int64_t left, int64_t right, double value) {
  if (left < 0 || right < 0) {
    x = trimmed(call, x, std::max<int64_t>(0, -left), std::max<int64_t>(0, -right));
    left = std::max<int64_t>(0, left);
    right = std::max<int64_t>(0, right);
  }
  if (left == 0 && right == 0) return x;
  return call.planner.add(call.node, pad1d_layer(left, right, value), {x}, x);
}

Stream trimmed(const Call& call, Stream x, int64_t start, int64_t cut) {
  if (start == 0 && cut == 0) return x;
  auto rule = cut == 0 ? std::function<int64_t(int64_t)>() : [cut](int64_t) { return cut; };
  return call.planner.add(
      call.node, trim1d_layer(start, rule, c10::str("first ", start, ", last ", cut)), {x}, x);
}

// (self, pad, mode, value).
std::vector<Value> pad(const Call& call) {
  const std::string mode = call.constant(2).toStringRef();
  if (mode == "circular")
    call.refuse("circular padding begins with the end of the signal; use zeros");
  if (mode != "constant")
    call.refuse("padding mode '" + mode + "' has no rule; constant padding has one");
  const IValue value = call.constant(3);
  return pad_constant(call, value.isNone() ? 0.0 : value.toScalar().toDouble());
}

// (self, pad, value).
std::vector<Value> constant_pad(const Call& call) {
  return pad_constant(call, call.constant(2).toScalar().toDouble());
}

// (self, dim, start, end, step). In time: a constant start, and an end that lies a constant number
// of frames before that of the signal.
std::vector<Value> slice(const Call& call) {
  const Stream x = call.stream(0);
  const int64_t dim = call.integer(1);
  if ((dim < 0 ? dim + static_cast<int64_t>(x.shape.size()) : dim) != x.axis)
    return pointwise(call);
  if (call.integer(4) != 1) call.refuse("a strided slice of time has no rule");

  const auto& lengths = Planner::sampled_lengths();
  const auto frames = call.planner.sampled_frames(x);
  auto position = [&](size_t arg, size_t sample, int64_t otherwise) {
    const Value& value = call.args[arg];
    const IValue at = value.symbol() ? (*value.symbol())->at(lengths[sample]) : call.constant(arg);
    if (at.isNone()) return otherwise;
    const int64_t index = at.toInt();
    return std::clamp<int64_t>(index < 0 ? index + frames[sample] : index, 0, frames[sample]);
  };
  const int64_t start = position(2, 0, 0), cut = frames[0] - position(3, 0, frames[0]);
  for (size_t s = 0; s < lengths.size(); ++s) {
    if (position(2, s, 0) != start)
      call.refuse("the slice starts at a time that depends on the length of the signal");
    if (frames[s] - position(3, s, frames[s]) != cut)
      call.refuse("the slice does not end a constant number of frames before the signal does");
  }
  return {trimmed(call, x, start, cut)};
}

}  // namespace torchstreamer::graph
