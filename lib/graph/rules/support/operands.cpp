#include "graph/rules/support/operands.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

#include "graph/plan/operation.h"
#include "graph/plan/traced.h"
#include "graph/rules/support/padding.h"

namespace torchstreamer::graph {
namespace {

// Returns the sizes in the argument of view() or reshape() for one length of the signal, with -1
// replaced; none if the number of samples does not match.
std::optional<std::vector<int64_t>> sizes_at(const Call& call, const Stream& x,
                                             int64_t source_frames) {
  const IValue given = value_at(call.args[1], call.node->input(1)->type(), source_frames, nullptr);
  auto sizes = given.toIntVector();
  int64_t all = call.plan.frames(x, source_frames), known = 1;
  for (const int64_t n : x.shape) all *= n < 0 ? 1 : n;
  for (const int64_t n : sizes) known *= n < 0 ? 1 : n;
  const bool has_rest = std::count(sizes.begin(), sizes.end(), -1) > 0;
  if (known == 0 || (has_rest ? all % known != 0 : all != known)) return std::nullopt;
  std::replace(sizes.begin(), sizes.end(), int64_t{-1}, all / known);
  return sizes;
}

// Returns the sizes for two lengths of the signal with different numbers of frames.
std::pair<std::vector<int64_t>, std::vector<int64_t>> sizes_at_two(Call& call, const Stream& x) {
  std::optional<std::vector<int64_t>> first;
  int64_t first_frames = 0;
  for (const int64_t n : call.lengths.accepted()) {
    const int64_t frames = call.plan.frames(x, n);
    if (first && frames == first_frames) continue;
    const auto sizes = sizes_at(call, x, n);
    if (sizes && first) return {*first, *sizes};
    if (sizes) std::tie(first, first_frames) = std::pair(sizes, frames);
  }
  call.lengths.search([&](int64_t n) { return sizes_at(call, x, n).has_value(); });
  call.refuse_shape("its sizes fit only one length of the signal; " + length_advice(call.node));
}

// Replaces the size of view() or reshape() that grows with the signal by -1. Returns the block: the
// number of input frames of one output frame.
int64_t resolve_sizes(Call& call, const Stream& x) {
  auto [sizes, longer_sizes] = sizes_at_two(call, x);
  int64_t growing = 0, frame_out = 1, frame_in = 1;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == longer_sizes.at(d)) {
      frame_out *= sizes[d];
    } else {
      sizes[d] = -1;
      ++growing;
    }
  }
  if (growing != 1) call.refuse("it does not keep the time axis");
  for (const int64_t n : x.shape) frame_in *= n < 0 ? 1 : n;
  call.args[1] = Value(IValue(sizes));
  const int64_t block = frame_out / std::gcd(frame_in, frame_out);
  if (block > 1)
    call.lengths.require(
        [plan = &call.plan, x, block](int64_t n) { return plan->frames(x, n) % block == 0; },
        call.node, {}, c10::str("the length of its input is not a multiple of ", block, " frames"));
  return block;
}

bool has_sizes(const Call& call) {
  static const std::set<std::string> names = {"aten::view", "aten::reshape", "aten::_unsafe_view"};
  return names.count(call.node->kind().toQualString()) > 0 &&
         call.node->input(1)->type()->isSubtypeOf(*c10::ListType::ofInts());
}

// Replaces lengths among the sizes of expand() by -1, which keeps the size, and tensors that grow
// with the signal by streams, see Call::as_stream().
Value without_lengths(const Call& call, const Value& value, const Stream& like) {
  if (const SymbolPtr* symbol = value.symbol()) return call.as_stream(*symbol, like);
  const ListPtr* list = value.list();
  if (!list) return value;
  auto items = std::make_shared<std::vector<Value>>();
  for (const Value& item : **list) {
    const bool is_length =
        item.symbol() && (*item.symbol())->at(call.lengths.shortest_frames()).isInt();
    items->push_back(is_length ? Value(IValue(int64_t{-1})) : without_lengths(call, item, like));
  }
  return Value(items);
}

// Trims the operands to the start of the latest one. With Padding::kValid they may start at
// different frames of the padded model.
void align(const Call& call, std::vector<Stream>& inputs) {
  Rational latest = inputs[0].shift;
  for (const Stream& s : inputs) latest = std::max(latest, s.shift);
  for (Stream& s : inputs) {
    const Rational ahead = latest - s.shift;
    if (ahead.den != 1)
      call.refuse("without padding, its operands are shifted by a fraction of a frame");
    s = add_trim(call, s, ahead.num, 0);
    s.shift = latest;
  }
}

// Refuses operands of different lengths, which are also an error offline.
void require_operands_of_equal_length(const Call& call, const std::vector<Stream>& inputs) {
  for (size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i].node == inputs[0].node) continue;
    auto difference = [a = frames_of(call, inputs[0]), b = frames_of(call, inputs[i])](int64_t n) {
      return b(n) - a(n);
    };
    if (call.plan.padding() == Padding::kModel) {
      call.lengths.require([=](int64_t n) { return difference(n) == 0; }, call.node, {},
                           "its operands differ in length");
      continue;
    }
    // Without padding, the output ends with the shorter operand.
    const int64_t first = difference(call.lengths.shortest_frames());
    for (const int64_t n : call.lengths.sampled())
      if (difference(n) != first)
        call.refuse("without padding, the difference in length of its operands is not constant");
  }
}

}  // namespace

ResolvedOperands resolve_operands(Call& call) {
  const bool is_view = has_sizes(call) && call.args[0].stream();
  const int64_t block = is_view ? resolve_sizes(call, call.stream(0)) : 1;
  const Stream like = streams_of(call).at(0);
  for (Value& arg : call.args) arg = without_lengths(call, arg, like);
  std::vector<Stream> inputs = streams_of(call);
  if (inputs.size() > 1) {
    align(call, inputs);
    require_operands_of_equal_length(call, inputs);
  }
  return {std::move(inputs), block};
}

}  // namespace torchstreamer::graph
