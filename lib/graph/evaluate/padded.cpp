#include "graph/evaluate/padded.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include "graph/evaluate/made.h"
#include "graph/plan/refusal.h"
#include "graph/rules/support/frames.h"
#include "graph/rules/support/padding.h"

namespace torchstreamer::graph {
namespace {

// Frames [start, start + frames) of the whole tensor.
struct Written {
  int64_t start, frames;
};

// Returns the part along the time axis of `x` that the views select in a tensor of `size` frames;
// none if it does not contain the other axes as a whole. The views run over a tensor without
// memory.
std::optional<Written> written_frames(const std::vector<ViewCall>& views, const Stream& x,
                                      int64_t size, int64_t source_frames) {
  std::vector<int64_t> shape = x.shape;
  shape[x.axis] = size;
  const Tensor whole = at::empty(shape, at::TensorOptions(at::kMeta));
  Tensor part = whole;
  for (const auto& [call, index] : views)
    part = viewed(call.node, call.args, index, part, source_frames);
  if (part.dim() != whole.dim()) return std::nullopt;
  const int64_t frames = part.size(x.axis), step = whole.stride(x.axis);
  shape[x.axis] = frames;
  if (part.sizes() != at::IntArrayRef(shape)) return std::nullopt;
  if (part.stride(x.axis) != step && frames > 1) return std::nullopt;
  return Written{part.storage_offset() / step, frames};
}

// Returns the value that all elements of the tensor have; none if they differ, or if it has other
// axes than the signal.
std::optional<double> filled_value(const SymbolPtr& whole, const Stream& x, int64_t source_frames) {
  const Tensor tensor = whole->at(source_frames).toTensor();
  if (tensor.dim() != static_cast<int64_t>(x.shape.size()) || tensor.numel() == 0 ||
      tensor.scalar_type() != x.dtype)
    return std::nullopt;
  for (int64_t axis = 0; axis < tensor.dim(); ++axis)
    if (axis != x.axis && tensor.size(axis) != x.shape[axis]) return std::nullopt;
  const Tensor first = tensor.flatten()[0];
  if (tensor.is_complex() || !tensor.eq(first).all().item<bool>()) return std::nullopt;
  return first.item<double>();
}

}  // namespace

std::optional<Value> padded_by_write(const Call& write, const std::vector<ViewCall>& views,
                                     const SymbolPtr& whole) {
  if (operator_name(write.node) != "aten::copy_" || views.empty()) return std::nullopt;
  const Stream* x = write.args[1].stream();
  const SymbolPtr size = x ? size_symbol(*whole, x->axis) : nullptr;
  if (!size || whole->is_heavy) return std::nullopt;
  const int64_t shortest = write.lengths.accepted()[0];
  const auto value = filled_value(whole, *x, shortest);
  if (!value) return std::nullopt;
  const auto part = written_frames(views, *x, size->at(shortest).toInt(), shortest);
  if (!part) return std::nullopt;
  const auto frames = frames_of(write, *x);
  const auto holds = [=, stream = *x](int64_t n) {
    const auto other = written_frames(views, stream, size->at(n).toInt(), n);
    return other && other->frames == frames(n);
  };
  for (const int64_t n : write.lengths.accepted()) {
    const auto other = written_frames(views, *x, size->at(n).toInt(), n);
    if (other && other->frames == frames(n) && other->frames > 0 && other->start != part->start)
      write.refuse(
          "the part of its target starts at a frame that depends on the length of the signal");
  }
  write.lengths.require(holds, write.node, {size},
                        "the part of its target has other frames than the signal");
  const auto frames_after = [=](int64_t n) {
    return size->at(n).toInt() - part->start - frames(n);
  };
  PadOptions options;
  options.value = *value;
  options.pads_empty_from_frames = reached_from_frames(write, *x, [](int64_t) { return true; });
  const Frames right =
      write.lengths.formula(frames_after, write.node, {size}, "the size of its target");
  return Value(add_padding(write, *x, part->start, right, options));
}

}  // namespace torchstreamer::graph
