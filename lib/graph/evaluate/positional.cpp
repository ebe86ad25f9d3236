#include "graph/evaluate/positional.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <c10/core/DefaultDtype.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <set>

#include "graph/evaluate/made.h"
#include "graph/evaluate/operators.h"
#include "streams/pointwise.h"

namespace torchstreamer::graph {
namespace {

constexpr int64_t kFewFrames = 24;

// Returns a much longer length of the signal for which the tensor is still small enough to compute.
// `values`: the tensor for `2 * length` frames.
int64_t far_length(const Tensor& values, int64_t length) {
  constexpr int64_t kElements = 1 << 20;
  return 2 * length * std::max<int64_t>(2, kElements / std::max<int64_t>(1, values.numel()));
}

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

// Returns the computation of the line `first + index * step`. A constant with one value becomes a
// function that its readers can fold. `like`, `out`: input and output.
Computation ramp(const Tensor& first, const Tensor& step, const Stream& like, const Stream& out) {
  if (out.dtype != at::kFloat || like.dtype != at::kFloat) return {};
  const Tensor start = first.to(at::kDouble).flatten(), slope = step.to(at::kDouble).flatten();
  int64_t samples = 1;
  for (const int64_t n : like.shape) samples *= n < 0 ? 1 : n;
  if (samples == start.numel() && slope.eq(0).all().item<bool>() &&
      start.eq(start[0]).all().item<bool>())
    return Elementwise{Function::kFill, {Operand::of_input(0)}, 0, start[0].item<double>()};
  const double *from = start.data_ptr<double>(), *by = slope.data_ptr<double>();
  return Ramp{{from, from + start.numel()}, {by, by + slope.numel()}};
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

// Returns true if the operator converts integers to the type of its other operands, floats.
bool promotes(const Node* node) {
  static const std::set<std::string> names = {"aten::add", "aten::div", "aten::mul", "aten::rsub",
                                              "aten::sub"};
  return names.count(operator_name(node)) > 0;
}

// Returns the first few of the lengths of a signal, and the last one.
std::vector<int64_t> first_few(const std::vector<int64_t>& lengths) {
  const int64_t count = std::min<int64_t>(kFewFrames, static_cast<int64_t>(lengths.size()));
  std::vector<int64_t> few(lengths.begin(), lengths.begin() + count);
  few.push_back(lengths.back());
  return few;
}

// Returns the output of a process with the time axis first, for its number of frames.
Stream output_of(const Plan& plan, int node, Stream like) {
  like.node = node;
  const Format format = plan.format(like);
  like.shape = format.shape(-1);
  like.axis = 0;
  like.dtype = format.dtype;
  return like;
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

// Returns the stream of a straight line, such as arange(), zeros(), ones() or full(). Integers
// become floats if the operators that read them convert them.
std::optional<Stream> Positional::from_line(const Tensor& values, int axis, const Stream& like,
                                            bool may_be_float) const {
  if (at::isComplexType(values.scalar_type())) return std::nullopt;
  const Tensor frames = values.movedim(axis, 0);
  const Tensor base = frames[0].clone();
  const auto exact = at::isIntegralType(base.scalar_type(), true) ? at::kLong : at::kDouble;
  const Tensor step = frames[1].to(exact) - frames[0].to(exact);
  if (!line(base, step, 0, frames.size(0)).equal(frames)) return std::nullopt;
  Stream out = growing_along(values, axis, like);
  // Numbers of Python make floats of the default type, whatever the type of the signal.
  const bool is_default = like.dtype == c10::typeMetaToScalarType(c10::get_default_dtype());
  if (exact == at::kLong && may_be_float && is_default) out.dtype = like.dtype;
  const Tensor first = base.to(exact) + like.shift.num * step;
  auto rule = [first, step, dtype = out.dtype](const Tensors& in, int64_t at) {
    return line(first, step, at, in[0].size(0)).to(dtype);
  };
  return plan_.add(nullptr, indexed_layer(rule, "positions", ramp(first, step, like, out)), {like},
                   out);
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
std::optional<Stream> Positional::from_origin(const Origin& origin, at::ScalarType dtype,
                                              const Stream& like, bool may_be_float) const {
  const Node* node = origin.node;
  may_be_float = promotes(node) && at::isFloatingType(like.dtype) &&
                 (at::isFloatingType(dtype) || may_be_float);
  std::vector<Value> args = origin.args;
  bool has_stream = false;
  for (size_t i = 0; i < args.size(); ++i) {
    const auto& type = *origin.node->input(i)->type();
    if (const SymbolPtr* symbol = args[i].symbol();
        symbol && type.isSubtypeOf(*c10::TensorType::get()))
      args[i] = stream_of(*symbol, as_long_as(*symbol, like), node, may_be_float);
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
    all->push_back(item.symbol() ? as_stream(*item.symbol(), as_long_as(*item.symbol(), like), node)
                                 : item);
  return Value(all);
}

// Requires that the tensor has as many entries as the stream has frames for all lengths. If the
// size is not known as a symbol, large tensors are not computed to find it out.
void Positional::require_frames(const SymbolPtr& symbol, int axis, const Stream& like,
                                const Node* node) const {
  constexpr char kDifferent[] = "its operands differ in length";
  if (const SymbolPtr size = size_symbol(*symbol, axis))
    return lengths_.require([plan = &plan_, size, like](
                                int64_t n) { return size->at(n).toInt() == plan->frames(like, n); },
                            node, {size}, kDifferent);
  const auto size_at = [symbol, axis](int64_t n) { return symbol->at(n).toTensor().size(axis); };
  const auto is_same = [plan = &plan_, size_at, like](int64_t n) {
    return size_at(n) == plan->frames(like, n);
  };
  if (!symbol->is_heavy) {
    // Long tensors are made for a few lengths only, which have every remainder of the likely
    // strides. A slice of a table that ends before them has the size of the whole table.
    const auto tried = first_few(lengths_.accepted());
    const int64_t whole = size_at(tried.back());
    if (!std::all_of(tried.begin(), tried.end() - 1,
                     [&](int64_t n) { return is_same(n) || size_at(n) == whole; }))
      throw refusal(node, kDifferent);
  }
  lengths_.guard([is_same](int64_t n) { return n > kShortestPlannedFrames || is_same(n); }, node,
                 {symbol}, kDifferent);
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
  return stream_of(symbol, like, node, promotes(node) && at::isFloatingType(like.dtype));
}

// Returns a stream of the plan that has as many frames as the tensor for several lengths of the
// signal. Returns `like` if it has, or if no stream has.
Stream Positional::as_long_as(const SymbolPtr& symbol, const Stream& like) const {
  if (symbol->is_heavy || plan_.padding() == Padding::kValid) return like;
  std::vector<std::pair<int64_t, Tensor>> tensors;
  for (const int64_t n : first_few(lengths_.accepted())) {
    const IValue value = symbol->at(n);
    if (!value.isTensor()) return like;
    tensors.emplace_back(n, value.toTensor());
  }
  const auto fits = [&](const Stream& stream) {
    const int64_t most = plan_.frames(stream, tensors.back().first);
    const Tensor& longest = tensors.back().second;
    return std::all_of(tensors.begin(), tensors.end() - 1, [&](const auto& shorter) {
      const int64_t n = plan_.frames(stream, shorter.first);
      return n == most || growing_axis(shorter.second, longest, n, most) >= 0;
    });
  };
  if (fits(like)) return like;
  for (int node = 0; node < static_cast<int>(plan_.nodes().size()); ++node) {
    const Stream stream = output_of(plan_, node, like);
    if (grows(stream) && fits(stream)) return stream;
  }
  return like;
}

// The values at the end may be different for a longer signal if an operator computes them from a
// stream, such as the sum of overlapping windows.
Stream Positional::with_own_end(const SymbolPtr& symbol, at::ScalarType dtype, const Stream& like,
                                const Node* node, bool may_be_float) const {
  std::string reason = "an operand depends on the length of the whole signal";
  if (symbol->origin && !is_made(*symbol)) try {
      if (const auto stream = from_origin(*symbol->origin, dtype, like, may_be_float))
        return *stream;
    } catch (const Refusal& e) {  // of an operand, for the same reason or for another one
      reason = e.reason().rfind(reason, 0) == 0 ? e.reason() : reason + ": " + e.reason();
    }
  throw refusal(node, reason);
}

Value Positional::stream_of(const SymbolPtr& symbol, const Stream& like, const Node* node,
                            bool may_be_float) const {
  if (like.shift.den != 1) throw refusal(node, "an operand is known for whole frames only");
  if (!grows(like)) throw refusal(node, "one of its operands has a fixed number of frames");
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
    return Value(with_own_end(symbol, longer.scalar_type(), like, node, may_be_float));
  if (const auto table = table_of(symbol)) {
    require_frames(symbol, axis, like, node);
    return Value(from_table(*table, symbol, longer, axis, like, node));
  }
  if (symbol->origin && !is_made(*symbol))
    if (const auto stream = from_origin(*symbol->origin, longer.scalar_type(), like, may_be_float))
      return Value(*stream);
  // Values of unknown origin are compared far ahead.
  const bool is_known = symbol->is_heavy || is_made(*symbol);
  const Tensor far = is_known ? longer : symbol->at(far_length(longer, length)).toTensor();
  if (const auto stream = from_line(far, axis, like, may_be_float)) {
    require_frames(symbol, axis, like, node);
    return Value(*stream);
  }
  throw refusal(node, "an operand depends on the length of the signal in a way that has no stream");
}

}  // namespace torchstreamer::graph
