#include <ATen/ops/full.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "graph/plan/formula.h"
#include "graph/rules/rules.h"
#include "streams/trim.h"

namespace torchstreamer::graph {
namespace {

// The frames in a list like that of torch.nn.functional.pad.
Frames frames_of(const Call& call, const Value& value, const char* what) {
  if (const IValue* constant = value.constant()) return constant->toInt();
  const SymbolPtr* symbol = value.symbol();
  if (!symbol) call.refuse(c10::str(what, " is computed from the signal"));
  return call.lengths.formula([symbol = *symbol](int64_t n) { return symbol->at(n).toInt(); },
                              call.node, what);
}

// The least and the largest number of frames, over the sampled lengths.
std::pair<int64_t, int64_t> range_of(const Frames& frames) {
  int64_t least = frames(sampled_lengths()[0]), most = least;
  for (const int64_t n : sampled_lengths()) {
    least = std::min(least, frames(n));
    most = std::max(most, frames(n));
  }
  return {least, most};
}

// The module goes on with this stream, though it may have no frames yet, for signals from this
// length on: operators without output raise, but for slices of time and what is pointwise.
int64_t reached_from_frames(const Plan& plan, const Stream& x,
                            const std::function<bool(int64_t n)>& accepts) {
  const auto& nodes = plan.nodes();
  const Counting& counting = plan.counting();
  std::vector<Count> counts;
  auto is_reached = [&](int64_t n) {
    std::vector<int> path = {x.node};
    counting.count({n, n, n}, counts);
    while (!path.empty()) {
      const int node = path.back();
      path.pop_back();
      if (node == Network::kSource) continue;
      if (counts[counting.place(node)].total == 0 && !nodes[node].layer->may_be_empty())
        return false;
      path.insert(path.end(), nodes[node].inputs.begin(), nodes[node].inputs.end());
    }
    return accepts(n);
  };
  return least_length(is_reached);
}

bool is_zero(const Value& value) { return value.constant() && value.constant()->toInt() == 0; }

// The signal, padded along all axes but time, whose pair is `at`: axes are padded one by one.
Stream padded_beside_time(const Call& call, std::vector<Value> pairs, size_t at) {
  pairs[at] = pairs[at + 1] = Value(IValue(0));
  if (std::all_of(pairs.begin(), pairs.end(), is_zero)) return call.stream(0);
  for (const Value& frames : pairs)
    if (!frames.constant()) call.refuse("the padding beside time depends on the signal");
  Call beside = call;
  beside.args[1] = Value(std::make_shared<std::vector<Value>>(std::move(pairs)));
  return *pointwise(beside).front().stream();
}

// torch.nn.functional.pad counts its pairs from the last axis.
std::vector<Value> pad_time(const Call& call, PadOptions options) {
  Stream x = call.stream(0);
  std::vector<Value> pairs;
  if (const ListPtr* list = call.args[1].list())
    pairs = **list;
  else
    for (const int64_t n : call.constant(1).toIntVector()) pairs.emplace_back(IValue(n));
  const size_t at = 2 * (x.shape.size() - 1 - x.axis);
  if (at + 1 >= pairs.size()) return pointwise(call);
  x = padded_beside_time(call, pairs, at);
  const auto [least, left] = range_of(frames_of(call, pairs[at], "the left padding"));
  if (least != left)
    call.refuse(
        "the left padding depends on the length of the signal, which is known only at its end; "
        "pad at the right only");
  const Frames right = frames_of(call, pairs[at + 1], "the right padding");
  if (options.mode == PadMode::kConstant)
    options.pads_empty_from_frames = reached_from_frames(call.plan, x, [&, left = left](int64_t n) {
      const int64_t cropped = std::max<int64_t>(0, -left) + std::max<int64_t>(0, -right(n));
      return call.plan.frames(x, n) >= cropped;
    });
  return {padded(call, x, left, right, options)};
}

}  // namespace

bool grows(const Frames& frames) {
  const auto& lengths = sampled_lengths();
  int64_t near = 0;
  for (const int64_t n : lengths)
    if (n < 2 * lengths[0]) near = std::max(near, frames(n));
  return range_of(frames).second > near;
}

Stream padded(const Call& call, Stream x, int64_t left, const Frames& right, PadOptions options) {
  if (grows(right)) call.refuse("the right padding grows with the length of the signal");
  const auto [least, most] = range_of(right);
  if (least < 0 && most > 0)
    call.refuse("the right padding pads signals of some lengths and crops others");
  options.left_frames = std::max<int64_t>(0, left);
  options.right_frames = positive(right);
  options.least_right_frames = std::max<int64_t>(0, least);
  options.most_right_frames = std::max<int64_t>(0, most);
  auto crop = [&] { x = trimmed(call, x, std::max<int64_t>(0, -left), positive(negated(right))); };
  // As torch does it: constants are put to what was cropped, reflections show what will be.
  if (options.mode == PadMode::kConstant) {
    crop();
    const Format format = call.plan.format(x);
    auto frames = [&](int64_t count) {
      return at::full({}, options.value, format.options()).expand(format.shape(count));
    };
    if (!options.before.defined()) options.before = frames(options.left_frames);
    if (!options.after.defined()) options.after = frames(options.most_right_frames);
  }
  if (options.left_frames > 0 || options.most_right_frames > 0)
    x = call.plan.add(call.node, pad1d_layer(options), {x}, x);
  if (options.mode != PadMode::kConstant) crop();
  return x;
}

int64_t reached_from_frames(const Call& call, const Stream& x) {
  return reached_from_frames(call.plan, x, [](int64_t) { return true; });
}

void guard_against_none(const Call& call, const Stream& x) {
  if (call.plan.frames(x, 1) > 0) return;
  call.lengths.guard([plan = &call.plan, x](int64_t n) { return plan->frames(x, n) > 0; },
                     call.node, "it makes no frames of so few");
}

Stream trimmed(const Call& call, Stream x, int64_t start, const Frames& cut) {
  if (grows(cut))
    call.refuse(
        "the slice ends ever further before the end of the signal: a stream would have to keep "
        "ever more of it");
  const int64_t most = range_of(cut).second;
  if (start == 0 && most <= 0) return x;
  TrimOptions trim;
  trim.start_frames = start;
  trim.end_frames = cut;
  trim.description = c10::str("first ", start, ", last ", most);
  return call.plan.add(call.node, trim1d_layer(trim), {x}, x);
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

// Where a slice begins or ends: at a fixed time, a fixed time before the end, or elsewhere.
struct Bound {
  Frames at;  // for each length of the signal, never outside of it
  std::optional<int64_t> from_begin, from_end;
  bool is_computed = false;  // from the length, so that short signals may differ
};

// `at` counts as Python does: from the end where it is negative.
Bound computed_bound(const Call& call, const Stream& x, const std::function<int64_t(int64_t)>& at) {
  auto frames = [plan = &call.plan, x](int64_t n) { return plan->frames(x, n); };
  Bound bound;
  bound.at = [=](int64_t n) {
    const int64_t index = at(n), whole = frames(n);
    return std::clamp<int64_t>(index < 0 ? index + whole : index, 0, whole);
  };
  bound.is_computed = true;
  const auto [first, last] = range_of(bound.at);
  const auto [near, far] = range_of([&](int64_t n) { return frames(n) - bound.at(n); });
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

// `none`: what None stands for.
Bound bound_of(const Call& call, const Stream& x, size_t arg, const Bound& none) {
  const Value& value = call.args[arg];
  constexpr int64_t kForever = int64_t{1} << 62;  // a trace writes out that there is no end
  if (const IValue* constant = value.constant())
    return constant->isNone() || constant->toInt() > kForever
               ? none
               : constant_bound(call, x, constant->toInt());
  if (!value.symbol()) call.refuse("where the slice lies is computed from the signal");
  return computed_bound(call, x,
                        [symbol = *value.symbol()](int64_t n) { return symbol->at(n).toInt(); });
}

// The frames behind the slice, for an end that moves with the end of the signal.
Frames cut_behind(const Call& call, const Stream& x, const Bound& start, const Bound& end) {
  if (end.from_end) return *end.from_end;
  auto frames = [plan = &call.plan, x](int64_t n) { return plan->frames(x, n); };
  auto kept = [=](int64_t n, int64_t cut) {
    return std::max<int64_t>(0, frames(n) - start.at(n) - std::max<int64_t>(0, cut));
  };
  auto cut = [=](int64_t n) { return frames(n) - std::max(end.at(n), start.at(n)); };
  return call.lengths.formula(cut, call.node, "where the slice ends", kept);
}

// The frames of `x` from `start` to before `end`.
Stream sliced(const Call& call, const Stream& x, const Bound& start, const Bound& end) {
  Stream y = x;
  if (start.from_begin && end.from_begin) {
    TrimOptions trim;
    trim.start_frames = *start.from_begin;
    trim.limit_frames = std::max<int64_t>(0, *end.from_begin - trim.start_frames);
    trim.description =
        c10::str("first ", trim.start_frames, ", then ", trim.limit_frames, " frames");
    y = call.plan.add(call.node, trim1d_layer(trim), {x}, x);
  } else if (start.from_begin) {
    y = trimmed(call, x, *start.from_begin, cut_behind(call, x, start, end));
  } else if (start.from_end && end.from_end) {
    y = call.plan.add(call.node, tail1d_layer(*start.from_end, *end.from_end), {x}, x);
  } else {
    call.refuse(
        "the slice starts at a time that depends on the length of the signal: it is known "
        "only at the end");
  }
  if (start.is_computed || end.is_computed)
    call.lengths.guard(
        [plan = &call.plan, x, y, start, end](int64_t n) {
          const int64_t kept = std::max<int64_t>(0, end.at(n) - start.at(n));
          const int64_t first =
              start.from_begin ? *start.from_begin : plan->frames(x, n) - *start.from_end;
          return plan->frames(y, n) == kept &&
                 (kept == 0 || start.at(n) == std::max<int64_t>(0, first));
        },
        call.node);
  return y;
}

Bound begin_of(const Call& call, const Stream& x) { return constant_bound(call, x, 0); }

Bound end_of(const Call& call, const Stream& x) {
  Bound end;
  end.at = [plan = &call.plan, x](int64_t n) { return plan->frames(x, n); };
  end.from_end = 0;
  return end;
}

// x[:, ...]: what Python puts there for the axes that stay as they are.
bool is_whole_axis(const Call& call, const Stream& x) {
  const int64_t dim = call.integer(1), size = x.shape.at(dim < 0 ? dim + x.shape.size() : dim);
  const IValue start = call.constant(2), end = call.constant(3);
  return (start.isNone() || start.toInt() == 0) && (end.isNone() || end.toInt() >= size) &&
         call.integer(4) == 1;
}

}  // namespace

// (self, dim, start, end, step).
std::vector<Value> slice(const Call& call) {
  const Stream x = call.stream(0);
  const int64_t step = call.integer(4);
  if (!is_time(x, call.integer(1)))
    return is_whole_axis(call, x) ? std::vector<Value>{x} : pointwise(call);
  const Stream y = sliced(call, x, bound_of(call, x, 2, begin_of(call, x)),
                          bound_of(call, x, 3, end_of(call, x)));
  if (step == 1) return {y};
  Stream strided = y;
  strided.shift = y.shift / Rational(step);
  return {call.plan.add(call.node, stride1d_layer(step), {y}, strided)};
}

// (self, dim, start, length). Unlike a slice, it must lie inside of the signal.
std::vector<Value> narrow(const Call& call) {
  const Stream x = call.stream(0);
  if (!is_time(x, call.integer(1))) return pointwise(call);
  const Bound start = bound_of(call, x, 2, begin_of(call, x));
  const Value length = call.args[3];
  if (!length.symbol()) call.integer(3);
  auto end = [start, length](int64_t n) {
    return start.at(n) + (length.symbol() ? (*length.symbol())->at(n) : *length.constant()).toInt();
  };
  call.lengths.guard(
      [plan = &call.plan, x, start, end](int64_t n) {
        return start.at(n) <= end(n) && end(n) <= plan->frames(x, n);
      },
      call.node, "it reaches beyond the end of its input, or has a negative length");
  return {sliced(call, x, start, computed_bound(call, x, end))};
}

// (self, dim, index).
std::vector<Value> select(const Call& call) {
  const Stream x = call.stream(0);
  if (is_time(x, call.integer(1)))
    call.refuse(
        "it takes one frame out of the signal, and what comes of it has no time axis; a slice of "
        "one frame, x[..., n : n + 1], keeps the axis");
  return pointwise(call);
}

}  // namespace torchstreamer::graph
