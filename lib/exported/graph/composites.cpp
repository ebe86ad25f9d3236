#include "exported/graph/composites.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "exported/file/codes.h"

namespace torchstreamer::exported {
namespace {

namespace aten = torch::jit::aten;
using torch::jit::Node;

// Name of the tensor of an argument; "" for other arguments.
std::string tensor_name(const Json& argument) {
  return argument.contains("as_tensor") ? argument.at("as_tensor").at("name").get<std::string>()
                                        : "";
}

std::optional<int64_t> integer(const Value* value) {
  const auto constant = torch::jit::toIValue(value);
  return constant && constant->isInt() ? std::optional<int64_t>(constant->toInt()) : std::nullopt;
}

// Returns a list of constants; none if an element is not constant.
std::optional<std::vector<int64_t>> integers(const Value* list) {
  if (const auto constant = torch::jit::constant_as<c10::List<int64_t>>(list))
    return constant->vec();
  if (list->node()->kind() != torch::jit::prim::ListConstruct) return std::nullopt;
  std::vector<int64_t> values;
  for (const Value* item : list->node()->inputs()) {
    const auto value = integer(item);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

bool is(const Json& size, int64_t value) {
  return size.contains("as_int") && size.at("as_int").get<int64_t>() == value;
}

// Returns the tensors of a torch.cat() along `axis` of which `call` makes a view with one more
// axis, which counts the tensors; none for other views.
std::optional<std::pair<Value*, int64_t>> stacked(const Call& call) {
  Value* joined = call.builder.argument(call.argument("self"), c10::TensorType::get());
  if (!joined || joined->node()->kind() != aten::cat) return std::nullopt;
  Value* parts = joined->node()->input(0);
  const auto axis = integer(joined->node()->input(1));
  const Json* whole = call.builder.sizes(joined);
  const Json* result = call.builder.sizes(tensor_name(call.node.at("outputs").at(0)));
  if (!axis || *axis < 0 || !whole || !result || result->size() != whole->size() + 1 ||
      parts->node()->kind() != torch::jit::prim::ListConstruct)
    return std::nullopt;
  const auto count = static_cast<int64_t>(parts->node()->inputs().size());
  Json part = *result;
  part.erase(static_cast<size_t>(*axis));
  const bool has_parts = std::all_of(parts->node()->inputs().begin(), parts->node()->inputs().end(),
                                     [&](const Value* value) {
                                       const Json* sizes = call.builder.sizes(value);
                                       return sizes && *sizes == part;
                                     });
  if (!has_parts || !is(result->at(static_cast<size_t>(*axis)), count)) return std::nullopt;
  return std::pair(parts, *axis);
}

// Returns the tensor before views that keep the order of its elements.
Value* before_views(Value* value) {
  for (;;) {
    Node* node = value->node();
    const auto order = node->kind() == aten::permute ? integers(node->input(1))
                                                     : std::optional<std::vector<int64_t>>();
    const bool keeps_order = order && std::is_sorted(order->begin(), order->end());
    if (!keeps_order && node->kind() != aten::view && node->kind() != aten::reshape &&
        node->kind() != aten::clone)
      return value;
    value = node->input(0);
  }
}

// Largest frames of an identity matrix, which takes 64 MiB in float32.
constexpr int64_t kMostFrameSize = 4096;

// The indices of overlapping frames: arange(0, end).unfold(0, size, hop).
struct Frames {
  int64_t size, hop;
  Value *indices, *range;  // [count, size], [end]
  Value* end;
};

std::optional<Frames> frames_of(Value* indices) {
  Node* unfold = before_views(indices)->node();
  if (unfold->kind() != aten::unfold || integer(unfold->input(1)) != 0) return std::nullopt;
  Node* range = unfold->input(0)->node();
  const auto size = integer(unfold->input(2)), hop = integer(unfold->input(3));
  if (range->kind() != aten::arange || !range->hasNamedInput("start") ||
      integer(range->namedInput("start")) != 0 || !size || !hop || *size < 1 || *hop < 1 ||
      *size > kMostFrameSize)
    return std::nullopt;
  if (range->hasNamedInput("step") && integer(range->namedInput("step")) != 1) return std::nullopt;
  return Frames{*size, *hop, unfold->output(), range->output(), range->namedInput("end")};
}

bool is_zero(const Value* tensor) {
  const Node* node = tensor->node();
  if (node->kind() == aten::zeros) return true;
  if (node->kind() != aten::full) return false;
  const auto fill = torch::jit::toIValue(node->namedInput("fill_value"));
  return fill && fill->isScalar() && fill->toScalar().equal(0);
}

// Indices along the last axis of two: [None, indices].
Value* last_indices(const Call& call) {
  const Json& indices = call.argument("indices");
  if (!indices.contains("as_optional_tensors")) return nullptr;
  const Json& list = indices.at("as_optional_tensors");
  const bool is_last =
      list.size() == 2 && list.at(0).contains("as_none") && list.at(1).contains("as_tensor");
  return is_last ? call.builder.get(tensor_name(list.at(1))) : nullptr;
}

// Returns true if frames [C, count, size] are added as values [C, count * size] to `self`, [C,
// end].
bool are_added(Builder& builder, const Frames& shape, Value* frames, Value* values, Value* self) {
  const Json *from = builder.sizes(frames), *flat = builder.sizes(values),
             *to = builder.sizes(self), *indices = builder.sizes(shape.indices),
             *range = builder.sizes(shape.range);
  return from && flat && to && indices && range && from->size() == 3 && flat->size() == 2 &&
         to->size() == 2 && from->at(0) == flat->at(0) && from->at(0) == to->at(0) &&
         from->at(1) == indices->at(0) && is(from->at(2), shape.size) && to->at(1) == range->at(0);
}

// Adds the sum of frames [C, count, size], each `hop` after the one before it, and zeros up to
// [C, end]. A number that is not finite spreads over its frame.
Values sum_of(const Call& call, const Frames& shape, Value* frames, c10::ScalarType dtype) {
  Graph& graph = call.builder.graph();
  Value* columns = add_call(graph, "aten::transpose", {frames, 1, 2});
  const auto options = at::TensorOptions(dtype).device(call.builder.device());
  Value* identity = call.builder.constant(at::eye(shape.size, options).unsqueeze(1));
  Value* sum = add_call(graph, "aten::conv_transpose1d",
                        {columns, identity, c10::IValue(), c10::List<int64_t>{shape.hop}});
  Value* rows = add_call(graph, "aten::squeeze", {sum, 1});
  Value* length = add_call(graph, "aten::size", {rows, 1});
  Value* rest = add_call(graph, "aten::sub", {shape.end, length});
  Value* pad =
      graph.insertNode(graph.createList(c10::IntType::get(), {call.builder.constant(0), rest}))
          ->output();
  return {add_call(graph, "aten::constant_pad_nd", {rows, pad})};
}

std::optional<Values> overlapping_sum(const Call& call) {
  Builder& builder = call.builder;
  const auto args = call.arguments();
  const auto accumulate = args.find("accumulate");
  Value* indices = last_indices(call);
  Value* self = builder.argument(call.argument("self"), c10::TensorType::get());
  Value* values = builder.argument(call.argument("values"), c10::TensorType::get());
  if (accumulate == args.end() || !accumulate->second->value("as_bool", false) || !indices ||
      !self || !values || !is_zero(self))
    return std::nullopt;
  const auto shape = frames_of(indices);
  const auto dtype = builder.dtype(tensor_name(call.argument("values")));
  Value* frames = before_views(values);
  if (!shape || !dtype || !are_added(builder, *shape, frames, values, self)) return std::nullopt;
  return sum_of(call, *shape, frames, *dtype);
}

}  // namespace

std::optional<Values> add_composite(const Call& call) {
  if (call.name == "aten::index_put") return overlapping_sum(call);
  if (call.name != "aten::view" && call.name != "aten::reshape") return std::nullopt;
  const auto parts = stacked(call);
  if (!parts) return std::nullopt;
  return Values{add_call(call.builder.graph(), "aten::stack", {parts->first, parts->second})};
}

}  // namespace torchstreamer::exported
