#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/rules.h"
#include "streams/trim1d.h"

namespace torchstreamer::graph {
namespace {

// The frames in a list like that of torch.nn.functional.pad.
Frames frames_of(const Call& call, const Value& value, const char* what) {
  if (const IValue* constant = value.constant()) return fixed(constant->toInt());
  const SymbolPtr* symbol = value.symbol();
  if (!symbol) call.refuse(c10::str(what, " is computed from the signal"));
  return call.planner.formula([symbol = *symbol](int64_t n) { return symbol->at(n).toInt(); },
                              call.node, what);
}

// torch.nn.functional.pad counts its pairs from the last axis.
std::vector<Value> pad_time(const Call& call, PadOptions options) {
  const Stream x = call.stream(0);
  std::vector<Value> pairs;
  if (const ListPtr* list = call.args[1].list())
    pairs = **list;
  else
    for (const int64_t n : call.constant(1).toIntVector()) pairs.emplace_back(IValue(n));
  const size_t left = 2 * (x.shape.size() - 1 - x.axis);
  if (left + 1 >= pairs.size()) return pointwise(call);
  for (size_t i = 0; i < pairs.size(); ++i)
    if (i / 2 != left / 2 && !(pairs[i].constant() && pairs[i].constant()->toInt() == 0))
      call.refuse("it pads time and another axis at once; pad one after the other");
  return {padded(call, x, call.planner.fixed_integer(pairs[left], call.node, "the left padding"),
                 frames_of(call, pairs[left + 1], "the right padding"), options)};
}

// The least and the largest number of frames, over the sampled lengths.
std::pair<int64_t, int64_t> range_of(const Frames& frames) {
  int64_t least = frames(Planner::sampled_lengths()[0]), most = least;
  for (const int64_t n : Planner::sampled_lengths()) {
    least = std::min(least, frames(n));
    most = std::max(most, frames(n));
  }
  return {least, most};
}

}  // namespace

Stream padded(const Call& call, Stream x, int64_t left, const Frames& right, PadOptions options) {
  const auto [least, most] = range_of(right);
  if (least < 0 && most > 0)
    call.refuse("the right padding pads signals of some lengths and crops others");
  options.left_frames = std::max<int64_t>(0, left);
  options.right_frames = [right](int64_t n) { return std::max<int64_t>(0, right(n)); };
  options.most_right_frames = std::max<int64_t>(0, most);
  if (options.left_frames > 0 || options.most_right_frames > 0)
    x = call.planner.add(call.node, pad1d_layer(options), {x}, x);
  return trimmed(call, x, std::max<int64_t>(0, -left),
                 [right](int64_t n) { return std::max<int64_t>(0, -right(n)); });
}

Stream trimmed(const Call& call, Stream x, int64_t start, const Frames& cut) {
  const int64_t most = range_of(cut).second;
  if (start == 0 && most <= 0) return x;
  return call.planner.add(
      call.node, trim1d_layer(start, cut, c10::str("first ", start, ", last ", most)), {x}, x);
}

// (self, pad, mode, value).
std::vector<Value> pad(const Call& call) {
  const std::string mode = call.constant(2).toStringRef();
  PadOptions options;
  if (mode == "circular")
    call.refuse("circular padding begins with the end of the signal; use zeros");
  if (mode == "reflect") options.mode = PadMode::kReflect;
  if (mode == "replicate") options.mode = PadMode::kReplicate;
  const IValue value = call.constant(3);
  options.value = value.isNone() ? 0.0 : value.toScalar().toDouble();
  return pad_time(call, options);
}

// (self, pad, value).
std::vector<Value> constant_pad(const Call& call) {
  PadOptions options;
  options.value = call.constant(2).toScalar().toDouble();
  return pad_time(call, options);
}

// (self, padding).
std::vector<Value> reflection_pad(const Call& call) {
  PadOptions options;
  options.mode = PadMode::kReflect;
  return pad_time(call, options);
}

std::vector<Value> replication_pad(const Call& call) {
  PadOptions options;
  options.mode = PadMode::kReplicate;
  return pad_time(call, options);
}

namespace {

bool is_time(const Stream& x, int64_t dim) {
  return (dim < 0 ? dim + static_cast<int64_t>(x.shape.size()) : dim) == x.axis;
}

// A position in time for each length of the signal, as Python counts: from the end where it is
// negative, and never outside. `otherwise` is that of None.
Frames position(const Call& call, const Stream& x, const Value& bound, const Frames& otherwise) {
  if (!bound.symbol() && !bound.is_constant())
    call.refuse("where the slice lies is computed from the signal");
  return [planner = &call.planner, bound, x, otherwise](int64_t n) {
    const IValue at = bound.symbol() ? (*bound.symbol())->at(n) : *bound.constant();
    if (at.isNone()) return otherwise(n);
    const int64_t frames = planner->frames(x, n), index = at.toInt();
    return std::clamp<int64_t>(index < 0 ? index + frames : index, 0, frames);
  };
}

// The frames of `x` from `first` to `end`.
Stream sliced(const Call& call, const Stream& x, const Frames& first, const Frames& end) {
  const auto [start, last_start] = range_of(first);
  if (start != last_start)
    call.refuse(
        "the slice starts at a time that depends on the length of the signal: it is known "
        "only at the end");
  auto frames = [planner = &call.planner, x](int64_t n) { return planner->frames(x, n); };
  auto kept = [=, start = start](int64_t n, int64_t cut) {
    return std::max<int64_t>(0, frames(n) - start - std::max<int64_t>(0, cut));
  };
  const Frames cut =
      call.planner.formula([=](int64_t n) { return frames(n) - std::max(end(n), first(n)); },
                           call.node, "where the slice ends", kept);
  return trimmed(call, x, start, cut);
}

}  // namespace

// (self, dim, start, end, step). In time: from a start that is the same for every length.
std::vector<Value> slice(const Call& call) {
  const Stream x = call.stream(0);
  const int64_t step = call.integer(4);
  if (!is_time(x, call.integer(1))) return pointwise(call);
  const Frames whole = [planner = &call.planner, x](int64_t n) { return planner->frames(x, n); };
  const Stream y = sliced(call, x, position(call, x, call.args[2], fixed(0)),
                          position(call, x, call.args[3], whole));
  if (step == 1) return {y};
  Stream strided = y;
  strided.shift = y.shift / Rational(step);
  return {call.planner.add(call.node, stride1d_layer(step), {y}, strided)};
}

// (self, dim, start, length).
std::vector<Value> narrow(const Call& call) {
  const Stream x = call.stream(0);
  if (!is_time(x, call.integer(1))) return pointwise(call);
  const Frames first = position(call, x, call.args[2], fixed(0));
  const Value length = call.args[3];
  if (!length.symbol()) call.integer(3);
  const Frames end = [first, length](int64_t n) {
    return first(n) + (length.symbol() ? (*length.symbol())->at(n) : *length.constant()).toInt();
  };
  return {sliced(call, x, first, end)};
}

}  // namespace torchstreamer::graph
