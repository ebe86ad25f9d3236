// Tensors that depend on the length of the signal alone, and grow with it, as streams: positions
// and what is computed from them.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <c10/util/StringUtil.h>

#include "graph/plan/planner.h"
#include "streams/pointwise.h"

namespace torchstreamer::graph {
namespace {

constexpr int64_t kFewFrames = 24;

// The axis that has as many entries as a stream has frames, at both of two lengths; -1 for none.
int growing_axis(const Tensor& shorter, const Tensor& longer, int64_t short_frames,
                 int64_t long_frames) {
  int axis = -1;
  for (int d = 0; d < shorter.dim() && shorter.dim() == longer.dim(); ++d)
    if (shorter.size(d) != longer.size(d)) {
      if (axis >= 0 || shorter.size(d) != short_frames || longer.size(d) != long_frames) return -1;
      axis = d;
    }
  return axis;
}

// Frames `[first, first + n)` of base + index * step, `[n, ...]`, in the type of `base`. Exact for
// integers; real numbers are rounded once, as arange() does.
Tensor line(const Tensor& base, const Tensor& step, int64_t first, int64_t n) {
  const auto exact = at::isIntegralType(base.scalar_type(), true) ? at::kLong : at::kDouble;
  std::vector<int64_t> shape(base.dim() + 1, 1);
  shape[0] = n;
  const Tensor index = at::arange(first, first + n, base.options().dtype(exact)).view(shape);
  return (base.to(exact) + index * step.to(exact)).to(base.scalar_type());
}

}  // namespace

// Straight lines: arange(), zeros(), ones(), full().
std::optional<Stream> Planner::promoted_by_values(const Tensor& values, int axis,
                                                  const Stream& like) {
  const Tensor frames = values.movedim(axis, 0);
  const Tensor base = frames[0].clone();
  const auto exact = at::isIntegralType(base.scalar_type(), true) ? at::kLong : at::kDouble;
  if (at::isComplexType(base.scalar_type())) return std::nullopt;
  const Tensor step = frames[1].to(exact) - frames[0].to(exact);
  if (!line(base, step, 0, frames.size(0)).equal(frames)) return std::nullopt;
  Stream out = like;
  out.shape = values.sizes().vec();
  out.shape[axis] = -1;
  out.axis = axis;
  out.dtype = values.scalar_type();
  auto rule = [base, step, start = like.shift.num](const Tensors& in, int64_t first) {
    return line(base, step, start + first, in[0].size(0));
  };
  return add(nullptr, indexed_layer(rule, "positions"), {like}, out);
}

Value Planner::promoted_items(const std::vector<Value>& items, const Stream& like,
                              const Node* node) {
  auto all = std::make_shared<std::vector<Value>>();
  for (const Value& item : items)
    all->push_back(item.symbol() ? promoted(*item.symbol(), like, node) : item);
  return Value(all);
}

// What an operator makes of the streams that its arguments are.
std::optional<Stream> Planner::promoted_by_origin(const Origin& origin, const Stream& like,
                                                  const Node* node) {
  std::vector<Value> args = origin.args;
  bool has_stream = false;
  for (size_t i = 0; i < args.size(); ++i) {
    const auto& type = *origin.node->input(i)->type();
    if (const SymbolPtr* symbol = args[i].symbol();
        symbol && type.isSubtypeOf(*c10::TensorType::get()))
      args[i] = promoted(*symbol, like, node);
    if (const ListPtr* list = args[i].list(); list && type.isSubtypeOf(*c10::ListType::ofTensors()))
      args[i] = promoted_items(**list, like, node);
    has_stream |= args[i].find<Stream>() != nullptr;
  }
  if (!has_stream) return std::nullopt;
  const Value result = compute(origin.node, args).at(origin.output);
  return result.stream() ? std::optional<Stream>(*result.stream()) : std::nullopt;
}

namespace {

// A table of the model, of which a signal uses as many rows as it has frames.
std::optional<Tensor> table_of(const Origin& origin) {
  const auto kind = std::string(origin.node->kind().toQualString());
  const bool is_slice = kind == "aten::slice" || kind == "aten::narrow";
  if (!is_slice || !origin.args[0].constant() || !origin.args[0].constant()->isTensor()) return {};
  return origin.args[0].constant()->toTensor();
}

}  // namespace

Value Planner::promoted(const SymbolPtr& symbol, const Stream& like, const Node* node) {
  if (like.shift.den != 1) throw refusal(node, "an operand is known for whole frames only");
  int64_t length = 64;
  while (frames(like, length) < kFewFrames) length *= 2;
  const int64_t short_frames = frames(like, length), long_frames = frames(like, 2 * length);
  const IValue shorter_value = symbol->at(length), longer_value = symbol->at(2 * length);
  if (!shorter_value.isTensor())
    throw refusal(node, "an operand depends on the length of the signal");
  const Tensor shorter = shorter_value.toTensor(), longer = longer_value.toTensor();
  if (shorter.sizes() == longer.sizes() && shorter.equal(longer)) {
    for (const auto& [n, value] : samples(symbol))
      if (!value.toTensor().equal(longer))
        throw refusal(node, "an operand depends on the length of the signal");
    expect(symbol, longer, node);
    return Value(IValue(longer));
  }
  const int axis = growing_axis(shorter, longer, short_frames, long_frames);
  if (axis < 0 || !longer.narrow(axis, 0, short_frames).equal(shorter))
    throw refusal(node, "an operand depends on the length of the whole signal");

  if (symbol->origin) {
    if (const auto table = table_of(*symbol->origin)) {
      Stream out = like;
      out.shape = longer.sizes().vec();
      out.shape[axis] = -1;
      out.axis = axis;
      out.dtype = longer.scalar_type();
      // Where the table is as large as the model needs, its rows begin where the slice does.
      const int64_t skipped = table->size(axis) - symbol->at(1 << 20).toTensor().size(axis);
      auto rule = [rows = *table, axis, start = skipped + like.shift.num](const Tensors& in,
                                                                          int64_t first) {
        const int64_t end = start + first + in[0].size(0);
        if (end > rows.size(axis))
          throw Error(c10::str("the model has a table for ", rows.size(axis) - start,
                               " frames; the signal is longer"));
        return rows.narrow(axis, start + first, in[0].size(0)).movedim(axis, 0);
      };
      return Value(add(node, indexed_layer(rule, "table"), {like}, out));
    }
    if (const auto stream = promoted_by_origin(*symbol->origin, like, node)) return Value(*stream);
  }
  const Tensor far = symbol->is_heavy ? longer : symbol->at(lengths_.back()).toTensor();
  if (const auto stream = promoted_by_values(far, axis, like)) return Value(*stream);
  throw refusal(node, "an operand depends on the length of the signal in a way that has no stream");
}

}  // namespace torchstreamer::graph
