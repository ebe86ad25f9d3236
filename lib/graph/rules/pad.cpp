// Padding of the signal.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "graph/rules/families.h"
#include "graph/rules/support/padding.h"
#include "graph/rules/support/pointwise.h"
#include "graph/rules/table.h"
#include "graph/rules/upsample.h"

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
Stream add_padding_of_other_axes(const Call& call, std::vector<Value> pairs, size_t at) {
  pairs[at] = pairs[at + 1] = Value(IValue(0));
  if (std::all_of(pairs.begin(), pairs.end(), is_zero)) return call.stream(0);
  for (const Value& frames : pairs)
    if (!frames.constant())
      call.refuse("the padding of an axis other than time depends on the signal");
  Call padded = call;
  padded.args[1] = Value(std::make_shared<std::vector<Value>>(std::move(pairs)));
  return *pointwise(padded).front().stream();
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
  x = add_padding_of_other_axes(call, pairs, at);
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

// Positions of the frames of a padded signal in the signal itself, `[left + frames + right]`.
Tensor padded_positions(PadMode mode, int64_t frames, int64_t left, int64_t right) {
  const Tensor at = at::arange(-left, frames + right, at::kLong);
  const int64_t last = frames - 1;
  return mode == PadMode::kReplicate ? at.clamp(0, last) : last - (last - at.abs()).abs();
}

// Frames before the signal if the positions are those of a padded signal; none otherwise.
std::optional<int64_t> left_padding(PadMode mode, const Tensor& positions, int64_t frames) {
  const int64_t added = positions.numel() - frames;
  const int64_t left = mode == PadMode::kReplicate ? positions.eq(0).sum().item<int64_t>() - 1
                                                   : positions[0].item<int64_t>();
  if (left < 0 || left > added || frames < 2) return std::nullopt;
  const bool is_padded = positions.equal(padded_positions(mode, frames, left, added - left));
  return is_padded ? std::optional<int64_t>(left) : std::nullopt;
}

// Returns the right padding as a constant, if neighbouring lengths have the same, or as a formula.
Frames right_frames(const Call& call, const std::function<int64_t(int64_t)>& right,
                    const SymbolPtr& positions) {
  constexpr size_t kNeighbours = 32;
  const auto& lengths = call.lengths.accepted();
  const auto end = lengths.begin() + std::min(kNeighbours, lengths.size());
  const int64_t first = right(lengths[0]);
  if (std::all_of(lengths.begin(), end, [&](int64_t n) { return right(n) == first; })) return first;
  return call.lengths.formula(right, call.node, {positions}, "the right padding");
}

// Returns the stream of a padded signal if the positions are those of one; none otherwise.
std::optional<Stream> padded(const Call& call, const Stream& x, const SymbolPtr& at) {
  const int64_t length = call.lengths.accepted()[0];
  const Tensor positions = at->at(length).toTensor();
  const Frames frames = frames_of(call, x);
  for (const PadMode mode : {PadMode::kReflect, PadMode::kReplicate}) {
    const auto left = left_padding(mode, positions, frames(length));
    if (!left) continue;
    const auto right = [=, left = *left](int64_t n) {
      return at->at(n).toTensor().numel() - frames(n) - left;
    };
    const auto is_padded = [=, left = *left](int64_t n) {
      return at->at(n).toTensor().equal(padded_positions(mode, frames(n), left, right(n)));
    };
    call.lengths.guard(is_padded, call.node, {at});
    PadOptions options;
    options.mode = mode;
    return add_padding(call, x, *left, right_frames(call, right, at), options);
  }
  return std::nullopt;
}

// Returns the positions on the time axis of `x`; null if other axes have positions, too, or if they
// are not a list of integers that depends on the length of the signal.
const SymbolPtr* positions_in_time(const Call& call, const Stream& x) {
  const ListPtr* indices = call.args[1].list();
  const SymbolPtr* at = nullptr;
  for (size_t axis = 0; indices && axis < (*indices)->size(); ++axis) {
    const Value& index = (**indices)[axis];
    if (static_cast<int>(axis) == x.axis)
      at = index.symbol();
    else if (!index.constant() || !index.constant()->isNone())
      return nullptr;
  }
  if (!at || (*at)->is_heavy) return nullptr;
  const Tensor positions = (*at)->at(call.lengths.accepted()[0]).toTensor();
  const bool is_list = positions.dim() == 1 && at::isIntegralType(positions.scalar_type(), false);
  return is_list ? at : nullptr;
}

// (self, indices). torch.export expresses padding and resampling as positions in time.
std::vector<Value> index(const Call& call) {
  const Stream* x = call.args[0].stream();
  const SymbolPtr* at = x ? positions_in_time(call, *x) : nullptr;
  if (!at) return rule_of_others(call);
  if (const auto y = padded(call, *x, *at)) return {*y};
  if (const auto y = resampled(call, *x, *at)) return {*y};
  return rule_of_others(call);
}

}  // namespace

const RuleRows& pad_rules() {
  static const RuleRows rows = {
      {"aten::constant_pad_nd", constant_pad},
      {"aten::index", index},
      {"aten::pad", pad},
      {"aten::reflection_pad1d", reflection_pad},
      {"aten::replication_pad1d", replication_pad},
  };
  return rows;
}

}  // namespace torchstreamer::graph
