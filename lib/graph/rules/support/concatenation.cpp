#include "graph/rules/support/concatenation.h"

#include <ATen/ops/cat.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "graph/rules/support/padding.h"
#include "streams/concatenation.h"

namespace torchstreamer::graph {
namespace {

// Returns the tensor in `value`, which must be the same for every sampled length.
Tensor fixed_tensor(const Call& call, const Value& value) {
  if (const IValue* constant = value.constant()) return constant->toTensor();
  if (!value.symbol()) call.refuse("an operand is computed from the signal");
  const SymbolPtr symbol = *value.symbol();
  if (symbol->is_heavy)
    call.refuse("the tensor that it appends grows with the square of the length of the signal");
  const Tensor first = symbol->at(call.lengths.shortest_frames()).toTensor();
  auto is_first = [symbol, first](int64_t n) { return first.equal(symbol->at(n).toTensor()); };
  for (const int64_t n : call.lengths.sampled())
    if (!is_first(n))
      call.refuse(
          "the tensor that it appends depends on the length of the signal; use "
          "torch.nn.functional.pad(x, (0, frames)) instead");
  call.lengths.guard(is_first, call.node, {symbol});
  return first;
}

// Returns the parts as one tensor `[frames, ...]` in the format of `x`; undefined if there are no
// frames.
Tensor constant_frames(const Call& call, const Stream& x, const Tensors& parts) {
  Tensors frames;
  for (const Tensor& part : parts) {
    if (part.dim() == 1 && part.numel() == 0) continue;  // cat() ignores torch.empty(0)
    bool fits = part.dim() == static_cast<int64_t>(x.shape.size()) &&
                c10::promoteTypes(part.scalar_type(), x.dtype) == x.dtype;
    for (int d = 0; fits && d < part.dim(); ++d) fits = d == x.axis || part.size(d) == x.shape[d];
    if (!fits)
      call.refuse(c10::str("a tensor of type ", part.scalar_type(), " and shape ", part.sizes(),
                           " does not match the signal"));
    frames.push_back(part.movedim(x.axis, 0).to(call.plan.format(x).device, x.dtype));
  }
  return frames.empty() ? Tensor() : at::cat(frames).contiguous();
}

// Returns the number of frames of a stream if it does not depend on the length of the source.
std::optional<int64_t> finite_frames(const Call& call, const Stream& x) {
  const auto& lengths = call.lengths.accepted();
  const int64_t frames = call.plan.frames(x, lengths[0]);
  for (const int64_t n : lengths)
    if (call.plan.frames(x, n) != frames) return std::nullopt;
  return frames;
}

// Joins streams. The lengths of all except the last must be known at the start.
Stream add_streams(const Call& call, const std::vector<Value>& items) {
  std::optional<Stream> joined;
  for (const Value& item : items) {
    const Stream* next = item.stream();
    const auto frames = joined ? finite_frames(call, *joined) : 0;
    if (!next || !frames)
      call.refuse(
          "the second of two signals starts at the end of the first one, which is known only at "
          "the "
          "end of the stream; concatenate channels, or constants before and after the signal");
    joined =
        !joined ? *next
                : call.plan.add(call.node, concatenation_layer(*frames), {*joined, *next}, *joined);
  }
  return *joined;
}

// Adds a tail as padding if all its values are equal and its length depends on that of the signal.
// Adds nothing for other tails.
std::optional<Stream> try_add_padding(const Call& call, const Stream& x, const Value& tail) {
  if (!tail.symbol()) return std::nullopt;
  const SymbolPtr symbol = *tail.symbol();
  if (symbol->is_heavy) return std::nullopt;
  auto frames = [symbol, axis = x.axis](int64_t n) { return symbol->at(n).toTensor().size(axis); };
  PadOptions options;
  bool is_first = true;
  for (const int64_t n : call.lengths.accepted()) {
    const Tensor values = symbol->at(n).toTensor();
    if (values.dim() != static_cast<int64_t>(x.shape.size())) return std::nullopt;
    if (values.numel() == 0) continue;
    const double value = values.flatten()[0].item<double>();
    if (!values.eq(value).all().item<bool>() || (!is_first && value != options.value))
      return std::nullopt;
    options.value = value;
    is_first = false;
  }
  return add_padding(
      call, x, 0,
      call.lengths.formula(frames, call.node, {symbol}, "the length of the tensor that it appends"),
      options);
}

}  // namespace

Stream add_concatenation(const Call& call, const std::vector<Value>& items) {
  const auto is_stream = [](const Value& item) { return item.stream() != nullptr; };
  if (std::count_if(items.begin(), items.end(), is_stream) > 1) return add_streams(call, items);
  if (items.size() == 2 && items[0].stream())
    if (const auto whole = try_add_padding(call, *items[0].stream(), items[1])) return *whole;
  const Stream* x = nullptr;
  Tensors before, after;
  for (const Value& item : items) {
    if (item.stream())
      x = item.stream();
    else
      (x ? after : before).push_back(fixed_tensor(call, item));
  }
  PadOptions options;
  options.before = constant_frames(call, *x, before);
  options.after = constant_frames(call, *x, after);
  options.pads_empty_from_frames = reached_from_frames(call, *x, [](int64_t) { return true; });
  auto count = [](const Tensor& t) { return t.defined() ? t.size(0) : 0; };
  return add_padding(call, *x, count(options.before), count(options.after), options);
}

}  // namespace torchstreamer::graph
