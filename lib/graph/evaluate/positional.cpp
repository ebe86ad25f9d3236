#include "graph/evaluate/positional.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <c10/util/StringUtil.h>

#include "graph/evaluate/operators.h"
#include "streams/pointwise.h"

namespace torchstreamer::graph {
namespace {

constexpr int64_t kFewFrames = 24;

// Returns the axis whose size equals the number of frames of a stream for two lengths of the
// signal; -1 if there is none.
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

// Returns `[n, ...]`: base + index * step for the indices [first, first + n), in the type of
// `base`. Exact for integers; real numbers are rounded once, as in arange().
Tensor line(const Tensor& base, const Tensor& step, int64_t first, int64_t n) {
  const auto exact = at::isIntegralType(base.scalar_type(), true) ? at::kLong : at::kDouble;
  std::vector<int64_t> shape(base.dim() + 1, 1);
  shape[0] = n;
  const Tensor index = at::arange(first, first + n, base.options().dtype(exact)).view(shape);
  return (base.to(exact) + index * step.to(exact)).to(base.scalar_type());
}

// Returns the table of the model if the tensor is a slice of its first rows, one for each frame of
// the signal.
std::optional<Tensor> table_of(const SymbolPtr& symbol) {
  if (!symbol->origin) return std::nullopt;
  const Origin& origin = *symbol->origin;
  const std::string name = operator_name(origin.node);
  const bool is_slice = name == "aten::slice" || name == "aten::narrow";
  const IValue* table = is_slice ? origin.args[0].constant() : nullptr;
  return table && table->isTensor() ? std::optional<Tensor>(table->toTensor()) : std::nullopt;
}

// Returns the stream of a tensor that grows along `axis`, without its node.
Stream growing_along(const Tensor& values, int axis, const Stream& like) {
  Stream out = like;
  out.shape = values.sizes().vec();
  out.shape[axis] = -1;
  out.axis = axis;
  out.dtype = values.scalar_type();
  return out;
}

}  // namespace

// Returns the stream of a straight line, such as arange(), zeros(), ones() or full().
std::optional<Stream> Positional::from_line(const Tensor& values, int axis,
                                            const Stream& like) const {
  const Tensor frames = values.movedim(axis, 0);
  const Tensor base = frames[0].clone();
  const auto exact = at::isIntegralType(base.scalar_type(), true) ? at::kLong : at::kDouble;
  if (at::isComplexType(base.scalar_type())) return std::nullopt;
  const Tensor step = frames[1].to(exact) - frames[0].to(exact);
  if (!line(base, step, 0, frames.size(0)).equal(frames)) return std::nullopt;
  auto rule = [base, step, start = like.shift.num](const Tensors& in, int64_t first) {
    return line(base, step, start + first, in[0].size(0));
  };
  return plan_.add(nullptr, indexed_layer(rule, "positions"), {like},
                   growing_along(values, axis, like));
}

// Returns the stream of the rows of a table, one row for each frame. `values`: the rows for one
// length of the signal.
Stream Positional::from_table(const Tensor& table, const SymbolPtr& symbol, const Tensor& values,
                              int axis, const Stream& like, const Node* node) const {
  // For a very long signal the slice contains all rows from its start to the end of the table. The
  // rows before the start are skipped.
  const int64_t skipped = table.size(axis) - symbol->at(1 << 20).toTensor().size(axis);
  auto rule = [rows = table, axis, start = skipped + like.shift.num](const Tensors& in,
                                                                     int64_t first) {
    const int64_t end = start + first + in[0].size(0);
    if (end > rows.size(axis))
      throw Error(c10::str("the model has a table for ", rows.size(axis) - start,
                           " frames; the signal is longer"));
    return rows.narrow(axis, start + first, in[0].size(0)).movedim(axis, 0);
  };
  return plan_.add(node, indexed_layer(rule, "table"), {like}, growing_along(values, axis, like));
}

// Runs the operator that computes the tensor over its arguments, converted to streams.
std::optional<Stream> Positional::from_origin(const Origin& origin, const Stream& like,
                                              const Node* node) const {
  std::vector<Value> args = origin.args;
  bool has_stream = false;
  for (size_t i = 0; i < args.size(); ++i) {
    const auto& type = *origin.node->input(i)->type();
    if (const SymbolPtr* symbol = args[i].symbol();
        symbol && type.isSubtypeOf(*c10::TensorType::get()))
      args[i] = as_stream(*symbol, like, node);
    if (const ListPtr* list = args[i].list(); list && type.isSubtypeOf(*c10::ListType::ofTensors()))
      args[i] = items_as_streams(**list, like, node);
    has_stream |= args[i].find<Stream>() != nullptr;
  }
  if (!has_stream) return std::nullopt;
  const Value result = operators_.compute(origin.node, args).at(origin.output);
  return result.stream() ? std::optional<Stream>(*result.stream()) : std::nullopt;
}

Value Positional::items_as_streams(const std::vector<Value>& items, const Stream& like,
                                   const Node* node) const {
  auto all = std::make_shared<std::vector<Value>>();
  for (const Value& item : items)
    all->push_back(item.symbol() ? as_stream(*item.symbol(), like, node) : item);
  return Value(all);
}

// A tensor that does not grow must have the same values for all lengths.
Value Positional::as_constant(const SymbolPtr& symbol, const Tensor& value,
                              const Node* node) const {
  for (const auto& [n, other] : lengths_.samples(symbol))
    if (!other.toTensor().equal(value))
      throw refusal(node, "an operand depends on the length of the signal");
  lengths_.expect(symbol, value, node);
  return Value(IValue(value));
}

Value Positional::as_stream(const SymbolPtr& symbol, const Stream& like, const Node* node) const {
  if (like.shift.den != 1) throw refusal(node, "an operand is known for whole frames only");
  int64_t length = 64;
  while (plan_.frames(like, length) < kFewFrames) length *= 2;
  const int64_t short_frames = plan_.frames(like, length);
  const int64_t long_frames = plan_.frames(like, 2 * length);
  const IValue shorter_value = symbol->at(length), longer_value = symbol->at(2 * length);
  if (!shorter_value.isTensor())
    throw refusal(node, "an operand depends on the length of the signal");
  const Tensor& shorter = shorter_value.toTensor();
  const Tensor& longer = longer_value.toTensor();
  if (shorter.sizes() == longer.sizes() && shorter.equal(longer))
    return as_constant(symbol, longer, node);
  const int axis = growing_axis(shorter, longer, short_frames, long_frames);
  if (axis < 0 || !longer.narrow(axis, 0, short_frames).equal(shorter))
    throw refusal(node, "an operand depends on the length of the whole signal");

  if (const auto table = table_of(symbol))
    return Value(from_table(*table, symbol, longer, axis, like, node));
  if (symbol->origin)
    if (const auto stream = from_origin(*symbol->origin, like, node)) return Value(*stream);
  const Tensor far = symbol->is_heavy ? longer : symbol->at(lengths_.accepted().back()).toTensor();
  if (const auto stream = from_line(far, axis, like)) return Value(*stream);
  throw refusal(node, "an operand depends on the length of the signal in a way that has no stream");
}

}  // namespace torchstreamer::graph
