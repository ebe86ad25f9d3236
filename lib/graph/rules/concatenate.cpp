// Pieces of time put together.
#include <ATen/ops/cat.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include "graph/rules.h"

namespace torchstreamer::graph {
namespace {

// The tensor that `value` is for every sampled length.
Tensor fixed_tensor(const Call& call, const Value& value) {
  if (const IValue* constant = value.constant()) return constant->toTensor();
  if (!value.symbol()) call.refuse("an operand is computed from the signal");
  const SymbolPtr symbol = *value.symbol();
  const Tensor first = symbol->at(Planner::sampled_lengths()[0]).toTensor();
  auto is_first = [symbol, first](int64_t n) { return first.equal(symbol->at(n).toTensor()); };
  for (const int64_t n : Planner::sampled_lengths())
    if (!is_first(n))
      call.refuse(
          "what is put to the signal depends on its length; pad it with "
          "torch.nn.functional.pad(x, (0, frames)) instead");
  call.planner.guard(is_first, call.node);
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
    frames.push_back(part.movedim(x.axis, 0).to(call.planner.format(x).device, x.dtype));
  }
  return frames.empty() ? Tensor() : at::cat(frames).contiguous();
}

std::vector<Value> concatenate_time(const Call& call, const std::vector<Value>& items) {
  const Stream* x = nullptr;
  Tensors before, after;
  for (const Value& item : items) {
    if (item.stream() && x)
      call.refuse(
          "the second of two signals begins where the first ends, which only the end of the "
          "stream tells; concatenate channels, or constants before and after the signal");
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
  return {padded(call, *x, count(options.before), fixed(count(options.after)), options)};
}

}  // namespace

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
