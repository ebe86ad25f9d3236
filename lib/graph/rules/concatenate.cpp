// Pieces of time put together.
#include <ATen/ops/cat.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/rules/rules.h"
#include "streams/concatenation.h"

namespace torchstreamer::graph {
namespace {

// The tensor that `value` is for every sampled length.
Tensor fixed_tensor(const Call& call, const Value& value) {
  if (const IValue* constant = value.constant()) return constant->toTensor();
  if (!value.symbol()) call.refuse("an operand is computed from the signal");
  const SymbolPtr symbol = *value.symbol();
  if (symbol->is_heavy)
    call.refuse("what is put to the signal grows with the square of its length");
  const Tensor first = symbol->at(sampled_lengths()[0]).toTensor();
  auto is_first = [symbol, first](int64_t n) { return first.equal(symbol->at(n).toTensor()); };
  for (const int64_t n : sampled_lengths())
    if (!is_first(n))
      call.refuse(
          "what is put to the signal depends on its length; pad it with "
          "torch.nn.functional.pad(x, (0, frames)) instead");
  call.lengths.guard(is_first, call.node);
  return first;
}

// Time-major frames, `[frames, ...]`, that fit to those of `x`; undefined for none.
Tensor frames_of(const Call& call, const Stream& x, const Tensors& parts) {
  Tensors frames;
  for (const Tensor& part : parts) {
    if (part.dim() == 1 && part.numel() == 0) continue;  // cat() ignores torch.empty(0)
    bool fits = part.dim() == static_cast<int64_t>(x.shape.size()) &&
                c10::promoteTypes(part.scalar_type(), x.dtype) == x.dtype;
    for (int d = 0; fits && d < part.dim(); ++d) fits = d == x.axis || part.size(d) == x.shape[d];
    if (!fits)
      call.refuse(c10::str("a tensor of type ", part.scalar_type(), " and shape ", part.sizes(),
                           " does not fit to the signal"));
    frames.push_back(part.movedim(x.axis, 0).to(call.plan.format(x).device, x.dtype));
  }
  return frames.empty() ? Tensor() : at::cat(frames).contiguous();
}

// The number of frames of a signal that has as many however long the source is; none otherwise.
std::optional<int64_t> finite_frames(const Call& call, const Stream& x) {
  const auto& lengths = call.lengths.accepted();
  const int64_t frames = call.plan.frames(x, lengths[0]);
  for (const int64_t n : lengths)
    if (call.plan.frames(x, n) != frames) return std::nullopt;
  return frames;
}

// Streams one after the other: all but the last must end of themselves.
std::vector<Value> concatenate_streams(const Call& call, const std::vector<Value>& items) {
  Stream joined = *items[0].stream();
  for (size_t i = 1; i < items.size(); ++i) {
    const Stream* next = items[i].stream();
    const auto frames = finite_frames(call, joined);
    if (!next || !frames)
      call.refuse(
          "the second of two signals begins where the first ends, which only the end of the "
          "stream tells; concatenate channels, or constants before and after the signal");
    joined = call.plan.add(call.node, concatenation_layer(*frames), {joined, *next}, joined);
  }
  return {joined};
}

// A tensor of one value all over whose length alone depends on that of the signal is a padding.
std::optional<Stream> padded_by(const Call& call, const Stream& x, const Value& tail) {
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
  return padded(call, x, 0, call.lengths.formula(frames, call.node, "what is put to the signal"),
                options);
}

std::vector<Value> concatenate_time(const Call& call, const std::vector<Value>& items) {
  const auto is_stream = [](const Value& item) { return item.stream() != nullptr; };
  if (std::count_if(items.begin(), items.end(), is_stream) > 1)
    return concatenate_streams(call, items);
  if (items.size() == 2 && items[0].stream())
    if (const auto whole = padded_by(call, *items[0].stream(), items[1])) return {*whole};
  const Stream* x = nullptr;
  Tensors before, after;
  for (const Value& item : items) {
    if (item.stream())
      x = item.stream();
    else
      (x ? after : before).push_back(fixed_tensor(call, item));
  }
  PadOptions options;
  options.before = frames_of(call, *x, before);
  options.after = frames_of(call, *x, after);
  options.pads_empty_from_frames = reached_from_frames(call, *x);
  auto count = [](const Tensor& t) { return t.defined() ? t.size(0) : 0; };
  return {padded(call, *x, count(options.before), count(options.after), options)};
}

}  // namespace

std::vector<Value> concatenated(const Call& call, const std::vector<Value>& items) {
  return concatenate_time(call, items);
}

// (tensors, dim).
std::vector<Value> concatenate(const Call& call) {
  if (!call.args[0].list())
    call.refuse("what it puts together depends on the length of the signal");
  const auto& items = **call.args[0].list();
  const int64_t dim = call.integer(1);
  for (const Value& item : items)
    if (const Stream* x = item.stream())
      return (dim < 0 ? dim + static_cast<int64_t>(x->shape.size()) : dim) == x->axis
                 ? concatenate_time(call, items)
                 : pointwise(call);
  return pointwise(call);
}

}  // namespace torchstreamer::graph
