// Slices of the signal, and removal of axes.
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "graph/rules/families.h"
#include "graph/rules/support/arguments.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/padding.h"
#include "graph/rules/support/pointwise.h"
#include "graph/rules/table.h"
#include "streams/pointwise.h"
#include "streams/trim.h"
#include "support/axes.h"

namespace torchstreamer::graph {
namespace {

// Start or end of a slice. It may be a fixed number of frames after the start of the signal or
// before its end.
struct Bound {
  Frames at;  // position for each length of the signal, always inside the signal
  std::optional<int64_t> from_begin, from_end;
  std::vector<SymbolPtr> symbols;  // symbols that it is computed from
  bool is_computed = false;        // computed from the length, so that short signals may differ
};

// Returns a bound at the index `at`, which counts from the end if it is negative, as in Python.
Bound computed_bound(const Call& call, const Stream& x, const std::function<int64_t(int64_t)>& at) {
  const Frames frames = frames_of(call, x);
  Bound bound;
  bound.at = [=](int64_t n) {
    const int64_t whole = frames(n);
    return std::clamp<int64_t>(wrapped_index(at(n), whole), 0, whole);
  };
  bound.is_computed = true;
  const auto [first, last] = range_of(call, bound.at);
  const auto [near, far] = range_of(call, [&](int64_t n) { return frames(n) - bound.at(n); });
  if (first == last) bound.from_begin = first;
  if (near == far) bound.from_end = near;
  return bound;
}

Bound constant_bound(const Call& call, const Stream& x, int64_t index) {
  Bound bound = computed_bound(call, x, [=](int64_t) { return index; });
  bound.is_computed = false;
  bound.from_begin = bound.from_end = std::nullopt;
  (index < 0 ? bound.from_end : bound.from_begin) = std::abs(index);
  return bound;
}

Bound begin_of(const Call& call, const Stream& x) { return constant_bound(call, x, 0); }

Bound end_of(const Call& call, const Stream& x) {
  Bound end;
  end.at = frames_of(call, x);
  end.from_end = 0;
  return end;
}

// A number of frames that no signal has. Traces contain 2^63 - 1 for None.
constexpr int64_t kForever = int64_t{1} << 40;

// Returns the bound in argument `arg`. `none`: the bound for None.
Bound bound_of(const Call& call, const Stream& x, size_t arg, const Bound& none) {
  const Value& value = call.args[arg];
  if (const IValue* constant = value.constant()) {
    if (constant->isNone()) return none;
    const int64_t index = std::max(constant->toInt(), -kForever);
    return index < kForever ? constant_bound(call, x, index) : end_of(call, x);
  }
  if (!value.symbol()) call.refuse("a bound of the slice is computed from the signal");
  Bound bound = computed_bound(
      call, x, [symbol = *value.symbol()](int64_t n) { return symbol->at(n).toInt(); });
  bound.symbols = {*value.symbol()};
  return bound;
}

std::vector<SymbolPtr> symbols_of(const Bound& start, const Bound& end) {
  std::vector<SymbolPtr> symbols = start.symbols;
  symbols.insert(symbols.end(), end.symbols.begin(), end.symbols.end());
  return symbols;
}

// Returns the number of frames after the slice, for an end that is relative to the end of the
// signal.
Frames cut_behind(const Call& call, const Stream& x, const Bound& start, const Bound& end) {
  if (end.from_end) return *end.from_end;
  const Frames frames = frames_of(call, x);
  auto kept = [=](int64_t n, int64_t cut) {
    return std::max<int64_t>(0, frames(n) - start.at(n) - std::max<int64_t>(0, cut));
  };
  auto cut = [=](int64_t n) { return frames(n) - std::max(end.at(n), start.at(n)); };
  return call.lengths.formula(cut, call.node, symbols_of(start, end), "the end of the slice", kept);
}

// Adds the process that keeps the frames [start, end) of `x`.
Stream add_process(const Call& call, const Stream& x, const Bound& start, const Bound& end) {
  if (start.from_begin && end.from_begin) {
    TrimOptions trim;
    trim.start_frames = *start.from_begin;
    trim.limit_frames = std::max<int64_t>(0, *end.from_begin - trim.start_frames);
    trim.description =
        c10::str("first ", trim.start_frames, ", then ", trim.limit_frames, " frames");
    return add_layer(call, trim1d_layer(trim), x);
  }
  if (start.from_begin)
    return add_trim(call, x, *start.from_begin, cut_behind(call, x, start, end));
  if (start.from_end && *start.from_end > kLongestMemoryFrames)
    call.refuse(c10::str("it starts ", *start.from_end,
                         " frames before the end of the signal; at most ", kLongestMemoryFrames,
                         " are supported"));
  if (start.from_end && end.from_end)
    return add_layer(call, tail1d_layer(*start.from_end, *end.from_end), x);
  call.refuse(
      "the slice starts at a time that depends on the length of the signal, which is known only at "
      "its end");
}

// The same, with a guard for bounds that may be different for short signals.
Stream add_slice(const Call& call, const Stream& x, const Bound& start, const Bound& end) {
  const Stream y = add_process(call, x, start, end);
  if (!start.is_computed && !end.is_computed) return y;
  auto is_right = [=, whole = frames_of(call, x), sliced = frames_of(call, y)](int64_t n) {
    const int64_t kept = std::max<int64_t>(0, end.at(n) - start.at(n));
    const int64_t first = start.from_begin ? *start.from_begin : whole(n) - *start.from_end;
    return sliced(n) == kept && (kept == 0 || start.at(n) == std::max<int64_t>(0, first));
  };
  call.lengths.guard(is_right, call.node, symbols_of(start, end));
  return y;
}

// Returns true if the slice is ":", as for the first axis of x[:, n].
bool is_whole_axis(const Call& call, const Stream& x) {
  const int64_t size = x.shape.at(axis_argument(call, 1, x));
  const IValue start = call.constant(2), end = call.constant(3);
  return (start.isNone() || start.toInt() == 0) && (end.isNone() || end.toInt() >= size) &&
         call.integer(4) == 1;
}

// (self, dim, start, end, step).
std::vector<Value> slice(const Call& call) {
  const Stream x = call.stream(0);
  const int64_t step = call.integer(4);
  if (axis_argument(call, 1, x) != x.axis)
    return is_whole_axis(call, x) ? std::vector<Value>{x} : pointwise(call);
  const Stream y = add_slice(call, x, bound_of(call, x, 2, begin_of(call, x)),
                             bound_of(call, x, 3, end_of(call, x)));
  return {step == 1 ? y : add_layer(call, stride1d_layer(step), y)};
}

// (self, dim, start, length). Unlike a slice, it must be inside the signal.
std::vector<Value> narrow(const Call& call) {
  const Stream x = call.stream(0);
  if (axis_argument(call, 1, x) != x.axis) return pointwise(call);
  const Bound start = bound_of(call, x, 2, begin_of(call, x));
  const Value length = call.args[3];
  if (!length.symbol()) call.integer(3);
  auto end_at = [start, length](int64_t n) {
    const IValue frames = length.symbol() ? (*length.symbol())->at(n) : *length.constant();
    return start.at(n) + std::clamp(frames.toInt(), -kForever, kForever);
  };
  auto is_inside = [start, end_at, frames = frames_of(call, x)](int64_t n) {
    return start.at(n) <= end_at(n) && end_at(n) <= frames(n);
  };
  Bound end = computed_bound(call, x, end_at);
  end.symbols = start.symbols;
  if (length.symbol()) end.symbols.push_back(*length.symbol());
  call.lengths.guard(is_inside, call.node, end.symbols,
                     "it extends past the end of its input, or has a negative length");
  return {add_slice(call, x, start, end)};
}

// (self, dim, index).
std::vector<Value> select(const Call& call) {
  const Stream x = call.stream(0);
  if (axis_argument(call, 1, x) == x.axis)
    call.refuse(
        "it selects one frame of the signal, so its output has no time axis; a slice of "
        "one frame, x[..., n : n + 1], keeps the axis");
  return pointwise(call);
}

// (self, dim, index).
std::vector<Value> index_select(const Call& call) {
  const Stream* x = call.args[0].stream();
  if (x && call.args[2].is_constant() && axis_argument(call, 1, *x) == x->axis)
    call.refuse(
        "it selects the same frames of every signal, so that the model takes one length: run it "
        "block by block with the property 'window'");
  return rule_of_others(call);
}

// The module removes the time axis of a signal of one frame, too.
void guard_against_one_frame(const Call& call, const Stream& x) {
  const auto is_longer = [frames = frames_of(call, x)](int64_t n) { return frames(n) != 1; };
  call.lengths.guard(is_longer, call.node, {}, "it removes the time axis of one frame");
}

// (self): all axes.
Stream squeezed(const Call& call, const Stream& x) {
  std::vector<int64_t> shape = {-1};
  int axis = 0;
  for (int d = 0; d < static_cast<int>(x.shape.size()); ++d) {
    if (d == x.axis) axis = static_cast<int>(shape.size()) - 1;
    if (d != x.axis && x.shape[d] != 1) shape.push_back(x.shape[d]);
  }
  if (shape.size() == x.shape.size()) return x;
  PointwiseOptions options;
  options.rule = [shape](const Tensors& in) {
    std::vector<int64_t> sizes = shape;
    sizes[0] = in[0].size(0);
    return in[0].reshape(sizes);
  };
  options.description = "squeeze";
  if (x.dtype == at::kFloat) options.computation = Identity{};
  return add_layer(call, pointwise_layer(options), x, axis);
}

// (self) or (self, dim).
std::vector<Value> squeeze(const Call& call) {
  const Stream x = call.stream(0);
  const bool is_single = call.args.size() > 1 && call.constant(1).isInt();
  if (call.args.size() > 1 && !(is_single && axis_argument(call, 1, x) == x.axis))
    return pointwise(call);
  guard_against_one_frame(call, x);
  return {is_single ? x : squeezed(call, x)};
}

}  // namespace

const RuleRows& slice_rules() {
  static const RuleRows rows = {
      {"aten::index_select", index_select},
      {"aten::narrow", narrow},
      {"aten::select", select},
      {"aten::slice", slice},
      {"aten::squeeze", squeeze},
  };
  return rows;
}

}  // namespace torchstreamer::graph
