#include "exported/graph/twins.h"

#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace torchstreamer::exported {
namespace {

/// An argument of the twin. `from`: name of the operator's argument, or a constant as a union in
/// JSON.
struct Source {
  const char *name, *from;
};

/// An operator whose outputs after the first are not used by models that are not trained.
struct Twin {
  const char* twin;
  std::vector<Source> arguments;
};

const std::map<std::string, Twin>& twins() {
  static const char* const kFalse = R"({"as_bool": false})";
  static const char* const kNone = R"({"as_none": true})";
  static const std::map<std::string, Twin> table = {
      {"aten::_log_softmax",
       {"aten::log_softmax", {{"self", "self"}, {"dim", "dim"}, {"dtype", kNone}}}},
      {"aten::_native_batch_norm_legit_no_training",
       {"aten::batch_norm",
        {{"input", "input"},
         {"weight", "weight"},
         {"bias", "bias"},
         {"running_mean", "running_mean"},
         {"running_var", "running_var"},
         {"training", kFalse},
         {"momentum", "momentum"},
         {"eps", "eps"},
         {"cudnn_enabled", kFalse}}}},
      {"aten::_softmax", {"aten::softmax", {{"self", "self"}, {"dim", "dim"}, {"dtype", kNone}}}},
      {"aten::lift_fresh_copy", {"aten::clone", {{"self", "self"}}}},
      {"aten::max_pool2d_with_indices",
       {"aten::max_pool2d",
        {{"self", "self"},
         {"kernel_size", "kernel_size"},
         {"stride", "stride"},
         {"padding", "padding"},
         {"dilation", "dilation"},
         {"ceil_mode", "ceil_mode"}}}},
      {"aten::native_layer_norm",
       {"aten::layer_norm",
        {{"input", "input"},
         {"normalized_shape", "normalized_shape"},
         {"weight", "weight"},
         {"bias", "bias"},
         {"eps", "eps"},
         {"cudnn_enable", kFalse}}}},
      {"aten::sym_size", {"aten::size", {{"self", "self"}, {"dim", "dim"}}}},
      {"aten::sym_numel", {"aten::numel", {{"self", "self"}}}},
      {"aten::sym_stride", {"aten::stride", {{"self", "self"}, {"dim", "dim"}}}},
  };
  return table;
}

Values renamed(const Call& call, const Twin& twin) {
  const NamedArguments given = call.arguments();
  NamedArguments args;
  std::vector<std::unique_ptr<Json>> constants;
  for (const Source& source : twin.arguments) {
    if (source.from[0] == '{') {
      constants.push_back(std::make_unique<Json>(Json::parse(source.from)));
      args[source.name] = constants.back().get();
    } else if (const auto arg = given.find(source.from); arg != given.end()) {
      args[source.name] = arg->second;
    }
  }
  return add_operator(call, twin.twin, call.overload, args);
}

// libtorch 1.13 has the operator under a different name, without its last argument.
std::optional<Values> attention(const Call& call) {
  if (!torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(call.name)).empty())
    return std::nullopt;
  const Json no_weights = {{"as_bool", false}};
  NamedArguments args = call.arguments();
  args["need_attn_weights"] = &no_weights;
  return add_operator(call, "aten::_scaled_dot_product_attention", "", args);
}

Value* tensor(const Call& call, const std::string& name) {
  Value* value = call.builder.argument(call.argument(name), c10::TensorType::get());
  if (!value) call.refuse("its argument '" + name + "' is not a tensor");
  return value;
}

// (self, dims): one after the other, the last one first.
Values squeeze(const Call& call) {
  Value* x = tensor(call, "self");
  auto dims = call.argument("dim").at("as_ints").get<std::vector<int64_t>>();
  const bool counts_from_end =
      std::any_of(dims.begin(), dims.end(), [](int64_t d) { return d < 0; });
  std::sort(dims.begin(), dims.end());
  if (!counts_from_end) std::reverse(dims.begin(), dims.end());
  for (const int64_t dim : dims) x = add_call(call.builder.graph(), "aten::squeeze", {x, dim});
  return {x};
}

// The arguments of a view: {self, dim, start, end, step}, {self, dim, index}.
std::vector<torch::jit::NamedValue> view_arguments(const Call& call, Value* whole,
                                                   const c10::FunctionSchema& schema) {
  const NamedArguments given = call.arguments();
  std::vector<torch::jit::NamedValue> args = {whole};
  for (const c10::Argument& formal : schema.arguments()) {
    if (formal.name() == "self" || formal.name() == "src") continue;
    const auto arg = given.find(formal.name());
    Value* value = arg != given.end() ? call.builder.argument(*arg->second, formal.type())
                                      : call.builder.constant(*formal.default_value());
    if (!value) call.refuse("its argument '" + formal.name() + "' has an unexpected type");
    args.emplace_back(value);
  }
  return args;
}

// A copy of `self` after `src` was written to a view of it.
Values scatter(const Call& call, const char* view) {
  const auto operators = torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(call.name));
  if (operators.empty()) call.refuse("this libtorch has no such operator");
  Value* whole = add_call(call.builder.graph(), "aten::clone", {tensor(call, "self")});
  Value* part =
      add_call(call.builder.graph(), view, view_arguments(call, whole, operators[0]->schema()));
  add_call(call.builder.graph(), "aten::copy_", {part, tensor(call, "src")});
  return {whole};
}

// (self, src): `src` in the shape and type of `self`.
Values copy(const Call& call) {
  Value* whole = add_call(call.builder.graph(), "aten::clone", {tensor(call, "self")});
  return {add_call(call.builder.graph(), "aten::copy_", {whole, tensor(call, "src")})};
}

// (input, p, train): an identity in eval mode.
Values dropout(const Call& call) {
  const Json& train = call.argument("train");
  if (!train.contains("as_bool") || train.at("as_bool").get<bool>())
    call.refuse("it drops samples at random; call eval() before the model is exported");
  return {add_call(call.builder.graph(), "aten::clone", {tensor(call, "input")})};
}

// (self, dtype, layout, device, ...): only the type matters.
Values to_copy(const Call& call) {
  const NamedArguments args = call.arguments();
  const auto dtype = args.find("dtype");
  Value* x = tensor(call, "self");
  if (dtype == args.end() || dtype->second->contains("as_none"))
    return {add_call(call.builder.graph(), "aten::clone", {x})};
  return {add_call(call.builder.graph(), "aten::to",
                   {x, call.builder.argument(*dtype->second, c10::IntType::get())})};
}

// Returns the tensor of which `matrix` is the transpose; null if `matrix` is computed in a
// different way.
Value* transposed(Value* matrix) {
  torch::jit::Node* node = matrix->node();
  if (node->kind() == torch::jit::aten::t) return node->input(0);
  if (node->kind() != torch::jit::aten::permute) return nullptr;
  const auto dims = torch::jit::constant_as<c10::List<int64_t>>(node->input(1));
  const torch::jit::Node* list = node->input(1)->node();
  std::vector<int64_t> axes;
  if (dims)
    axes = dims->vec();
  else if (list->kind() == torch::jit::prim::ListConstruct)
    for (const Value* item : list->inputs())
      axes.push_back(torch::jit::constant_as<int64_t>(const_cast<Value*>(item)).value_or(-1));
  return axes == std::vector<int64_t>{1, 0} ? node->input(0) : nullptr;
}

// addmm(bias, x, w^T) and mm(x, w^T) are a linear layer if the matrix is a weight.
std::optional<Values> linear(const Call& call, const char* x, const char* matrix, bool has_bias) {
  const NamedArguments args = call.arguments();
  if (args.count("beta") || args.count("alpha")) return std::nullopt;
  Value* weight = transposed(tensor(call, matrix));
  if (!weight || weight->node()->kind() != torch::jit::prim::GetAttr) return std::nullopt;
  Value* bias = has_bias ? tensor(call, "self") : call.builder.constant({});
  return Values{add_call(call.builder.graph(), "aten::linear", {tensor(call, x), weight, bias})};
}

}  // namespace

std::optional<Values> add_twin(const Call& call) {
  const std::string& name = call.name;
  if (const auto twin = twins().find(name); twin != twins().end())
    return renamed(call, twin->second);
  if (name == "aten::scaled_dot_product_attention") return attention(call);
  if (name == "aten::squeeze" && call.overload == "dims") return squeeze(call);
  if (name == "aten::slice_scatter") return scatter(call, "aten::slice");
  if (name == "aten::select_scatter") return scatter(call, "aten::select");
  if (name == "aten::copy") return copy(call);
  if (name == "aten::native_dropout") return dropout(call);
  if (name == "aten::_to_copy") return to_copy(call);
  if (name == "aten::addmm") return linear(call, "mat1", "mat2", true);
  if (name == "aten::mm") return linear(call, "self", "mat2", false);
  if (name == "aten::alias" || name == "aten::detach_") return Values{tensor(call, "self")};
  if (name == "aten::_assert_tensor_metadata" || name == "aten::sym_constrain_range" ||
      name == "aten::sym_constrain_range_for_size")
    return Values{};
  return std::nullopt;
}

}  // namespace torchstreamer::exported
