#include "exported/constraints.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "exported/expression.h"
#include "exported/file/codes.h"
#include "exported/file/stored_tensor.h"
#include "exported/graph/scalars.h"
#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

// Largest number of terms that are evaluated for all sizes of an axis.
constexpr size_t kMostEvaluatedTerms = 1 << 26;

// The limits of a symbol; [0, any] without a constraint.
Sizes range_of(const Json& constraints, const std::string& symbol) {
  Sizes range;
  const auto found = constraints.find(symbol);
  if (found == constraints.end()) return range;
  const auto limit = [&](const char* key, int64_t otherwise) {
    const auto value = found->find(key);
    return value == found->end() || value->is_null() ? otherwise : value->get<int64_t>();
  };
  constexpr int64_t kMostLeast = int64_t{1} << 40;
  range.least = std::max<int64_t>(0, limit("min_val", 0));
  if (range.least > kMostLeast)
    throw Error(c10::str("it was exported for sizes from ", range.least, " on"));
  range.most = limit("max_val", Sizes::kAny);
  if (range.most >= Sizes::kAny - 1) range.most = Sizes::kAny;
  return range;
}

// Multiplies the limits. A missing limit stays missing.
int64_t scaled(int64_t limit, int64_t factor, int64_t offset) {
  int64_t result = 0;
  if (limit == Sizes::kAny || __builtin_mul_overflow(limit, factor, &result) ||
      __builtin_add_overflow(result, offset, &result))
    return Sizes::kAny;
  return result;
}

// The sizes factor * symbol + offset.
Sizes linear_sizes(const Expression& size, const Json& constraints) {
  const double offset = size.at({0}), factor = size.at({1}) - offset;
  for (const double symbol : {2., 7., 1000.})
    if (size.at({symbol}) != factor * symbol + offset || factor < 1 || std::abs(offset) > 1e6 ||
        factor > 1e6)
      throw Error("the size of an input is not a multiple of its symbol");
  const Sizes range = range_of(constraints, size.symbols()[0]);
  const auto step = static_cast<int64_t>(factor), first = static_cast<int64_t>(offset);
  return {std::max<int64_t>(0, scaled(range.least, step, first)),
          scaled(range.most, step, first),
          step,
          {((first % step) + step) % step}};
}

Axis axis_of(const Json& size, const Json& constraints) {
  if (size.contains("as_int")) {
    const auto fixed = size.at("as_int").get<int64_t>();
    return {{fixed, fixed, 1, {0}}, "", fixed};
  }
  const auto text = size.at("as_expr").at("expr_str").get<std::string>();
  const Expression expression(text);
  if (expression.symbols().size() != 1)
    throw Error("the size of an input is computed from several symbols");
  std::optional<int64_t> example;
  const auto hint = size.at("as_expr").find("hint");
  if (hint != size.at("as_expr").end() && hint->is_object() && hint->contains("as_int"))
    example = std::max<int64_t>(0, hint->at("as_int").get<int64_t>());
  return {linear_sizes(expression, constraints), text, example};
}

// If there is only one input, every name is its name.
bool is_about(const Guard& guard, const Input& input, bool is_only) {
  return guard.axis >= 0 && (is_only || guard.input == "L['" + input.name + "']");
}

std::string shape_text(const Input& input) {
  std::string text;
  for (const Axis& axis : input.axes)
    text += (text.empty() ? "" : ", ") + (axis.is_dynamic() ? "(" + axis.sizes.describe() + ")"
                                                            : std::to_string(axis.sizes.least));
  return "[" + text + "]";
}

void add_axis_checks(Graph& graph, Value* size, const Input& input, int64_t index) {
  const Sizes& sizes = input.axes[index].sizes;
  const std::string text =
      c10::str("the program was exported for sizes of ", sizes.describe(), " along axis ", index,
               " of its input '", input.name, "'; export it with dynamic_shapes={'", input.name,
               "': {", index,
               ": torch.export.Dim.AUTO}}, without Python code that limits the size, or without "
               "dynamic_shapes if it has recurrent layers");
  if (sizes.least > 0) raise_unless(graph, add_call(graph, "aten::ge", {size, sizes.least}), text);
  if (sizes.most != Sizes::kAny)
    raise_unless(graph, add_call(graph, "aten::le", {size, sizes.most}), text);
  if (sizes.period == 1) return;
  Value* remainder = add_call(graph, "aten::remainder", {size, sizes.period});
  raise_unless(graph,
               sizes.remainders.size() == 1
                   ? add_call(graph, "aten::eq", {remainder, sizes.remainders[0]})
                   : add_call(graph, "aten::__contains__", {sizes.remainders, remainder}),
               text);
}

// `sizes`: the first size of each expression.
void require_equal_size(Graph& graph, Value* size, const Input& input, int64_t index,
                        std::map<std::string, Value*>& sizes) {
  const Axis& axis = input.axes[index];
  if (!axis.is_dynamic()) return;
  const auto [first, is_first] = sizes.emplace(axis.expression, size);
  if (!is_first)
    raise_unless(graph, add_call(graph, "aten::eq", {size, first->second}),
                 c10::str("the program was exported for an axis ", index, " of its input '",
                          input.name, "' of the same size as another axis"));
}

bool has_dynamic_axis(const Input& input) {
  return std::any_of(input.axes.begin(), input.axes.end(),
                     [](const Axis& axis) { return axis.is_dynamic(); });
}

}  // namespace

std::optional<size_t> Input::free_axis() const {
  if (axes.empty() || has_dynamic_axis(*this)) return std::nullopt;
  const auto longest =
      std::max_element(axes.rbegin(), axes.rend(),
                       [](const Axis& a, const Axis& b) { return a.sizes.least < b.sizes.least; });
  return axes.rend() - longest - 1;
}

Input input_of(const Json& description, const std::vector<Guard>& guards, const std::string& name,
               bool is_only, at::Device device) {
  const Json& constraints = description.at("range_constraints");
  const Json& meta = description.at("graph_module").at("graph").at("tensor_values").at(name);
  Input input{
      name, at::TensorOptions(dtype_of_code(meta.at("dtype").get<int64_t>())).device(device), {}};
  if (meta.at("sizes").size() > kMostAxes)
    throw Error("its input '" + name.substr(0, 200) + "' has too many axes");
  for (const Json& size : meta.at("sizes")) input.axes.push_back(axis_of(size, constraints));
  std::map<int64_t, std::vector<const Expression*>> guards_of_axes;
  for (const Guard& guard : guards)
    if (is_about(guard, input, is_only)) guards_of_axes[guard.axis].push_back(&guard.expression);
  for (const auto& [i, own] : guards_of_axes) {
    if (i >= static_cast<int64_t>(input.axes.size()) || !input.axes[i].is_dynamic()) continue;
    const auto accepts = [&own = own, terms = size_t{0}](int64_t size) mutable {
      return std::all_of(own.begin(), own.end(), [&](const Expression* guard) {
        terms += guard->terms();
        if (terms > kMostEvaluatedTerms) refuse_long_guards();
        return guard->at({static_cast<double>(size)}) != 0;
      });
    };
    Axis& axis = input.axes[i];
    axis.sizes = accepted_sizes(axis.sizes, accepts, axis.example);
  }
  return input;
}

void require_known_guards(const std::vector<Guard>& guards, const std::vector<Input>& inputs) {
  for (const Guard& guard : guards) {
    const bool is_known = std::any_of(inputs.begin(), inputs.end(), [&](const Input& input) {
      return is_about(guard, input, inputs.size() == 1) &&
             guard.axis < static_cast<int64_t>(input.axes.size());
    });
    if (!is_known)
      throw Error("its guard names '" + guard.symbol.substr(0, 200) +
                  "', which is not a size of an input; export it with only the time axis dynamic");
  }
}

void add_shape_checks(Graph& graph, const Values& values, const std::vector<Input>& inputs) {
  const bool is_static = std::none_of(inputs.begin(), inputs.end(), has_dynamic_axis);
  std::map<std::string, Value*> sizes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = inputs[i];
    const auto rank = static_cast<int64_t>(input.axes.size());
    raise_unless(
        graph, add_call(graph, "aten::eq", {add_call(graph, "aten::dim", {values[i]}), rank}),
        "the program was exported for an input '" + input.name + "' of shape " + shape_text(input));
    const auto free = is_static ? input.free_axis() : std::nullopt;
    for (int64_t axis = 0; axis < rank; ++axis) {
      if (free && static_cast<size_t>(axis) == *free) continue;
      Value* size = add_call(graph, "aten::size", {values[i], axis});
      add_axis_checks(graph, size, input, axis);
      require_equal_size(graph, size, input, axis, sizes);
    }
  }
}

}  // namespace torchstreamer::exported
