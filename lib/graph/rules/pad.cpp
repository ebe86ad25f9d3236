// Padding of the signal.
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/rules/families.h"
#include "graph/rules/support/padding.h"
#include "graph/rules/support/pointwise.h"

namespace torchstreamer::graph {
namespace {

// Returns a number of frames from the list of torch.nn.functional.pad.
Frames padding_frames(const Call& call, const Value& value, const char* what) {
  if (const IValue* constant = value.constant()) return constant->toInt();
  const SymbolPtr* symbol = value.symbol();
  if (!symbol) call.refuse(c10::str(what, " is computed from the signal"));
  return call.lengths.formula([symbol = *symbol](int64_t n) { return symbol->at(n).toInt(); },
                              call.node, {*symbol}, what);
}

bool is_zero(const Value& value) { return value.constant() && value.constant()->toInt() == 0; }

// Pads all axes except time. `at`: index of the pair of time.
Stream add_padding_beside_time(const Call& call, std::vector<Value> pairs, size_t at) {
  pairs[at] = pairs[at + 1] = Value(IValue(0));
  if (std::all_of(pairs.begin(), pairs.end(), is_zero)) return call.stream(0);
  for (const Value& frames : pairs)
    if (!frames.constant())
      call.refuse("the padding of an axis other than time depends on the signal");
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
  x = add_padding_beside_time(call, pairs, at);
  const auto [least, left] = range_of(call, padding_frames(call, pairs[at], "the left padding"));
  if (least != left)
    call.refuse(
        "the left padding depends on the length of the signal, which is known only at its end; "
        "pad at the right only");
  const Frames right = padding_frames(call, pairs[at + 1], "the right padding");
  auto can_be_cropped = [&, left = left](int64_t n) {
    const int64_t cropped = std::max<int64_t>(0, -left) + std::max<int64_t>(0, -right(n));
    return call.plan.frames(x, n) >= cropped;
  };
  if (options.mode == PadMode::kConstant)
    options.pads_empty_from_frames = reached_from_frames(call, x, can_be_cropped);
  return {add_padding(call, x, left, right, options)};
}

// (self, pad, mode, value).
std::vector<Value> pad(const Call& call) {
  const std::string name = call.constant(2).toStringRef();
  const auto mode = pad_mode_named(name);
  if (!mode) call.refuse(name + " padding needs the end of the signal first; use zeros");
  PadOptions options;
  options.mode = *mode;
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

}  // namespace

const RuleRows& pad_rules() {
  static const RuleRows rows = {
      {"aten::constant_pad_nd", constant_pad},
      {"aten::pad", pad},
      {"aten::reflection_pad1d", reflection_pad},
      {"aten::replication_pad1d", replication_pad},
  };
  return rows;
}

}  // namespace torchstreamer::graph
