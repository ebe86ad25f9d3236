#include "exported/graph/scalars.h"

#include <map>
#include <nlohmann/json.hpp>

namespace torchstreamer::exported {
namespace {

// The operators of TorchScript with the same results.
const std::map<std::string, const char*>& scalar_functions() {
  static const std::map<std::string, const char*> table = {
      {"_operator.add", "aten::add"},     {"_operator.and_", "aten::__and__"},
      {"_operator.eq", "aten::eq"},       {"_operator.floordiv", "aten::floordiv"},
      {"_operator.ge", "aten::ge"},       {"_operator.gt", "aten::gt"},
      {"_operator.le", "aten::le"},       {"_operator.lshift", "aten::__lshift__"},
      {"_operator.lt", "aten::lt"},       {"_operator.mod", "aten::remainder"},
      {"_operator.mul", "aten::mul"},     {"_operator.ne", "aten::ne"},
      {"_operator.neg", "aten::neg"},     {"_operator.or_", "aten::__or__"},
      {"_operator.pow", "aten::pow"},     {"_operator.rshift", "aten::__rshift__"},
      {"_operator.sub", "aten::sub"},     {"_operator.truediv", "aten::div"},
      {"builtins.round", "aten::round"},  {"math.ceil", "aten::ceil"},
      {"math.floor", "aten::floor"},      {"math.trunc", "aten::Int"},
      {"torch.sym_float", "aten::Float"}, {"torch.sym_int", "aten::Int"},
      {"torch.sym_max", "prim::max"},     {"torch.sym_min", "prim::min"},
      {"torch.sym_not", "aten::__not__"}, {"torch.sym_sqrt", "aten::sqrt"},
      {"torch._sym_sqrt", "aten::sqrt"},
  };
  return table;
}

// A number or a boolean, of its own type.
Value* scalar(const Call& call, const Json& arg) {
  for (const c10::TypePtr& type :
       {c10::TypePtr(c10::IntType::get()), c10::TypePtr(c10::BoolType::get()),
        c10::TypePtr(c10::FloatType::get())})
    if (Value* value = call.builder.argument(arg, type)) return value;
  call.refuse("its argument is not a number");
}

Values scalars(const Call& call) {
  Values values;
  for (const Json& input : call.node.at("inputs")) values.push_back(scalar(call, input.at("arg")));
  return values;
}

Value* computed(const Call& call, const char* name, const Values& args) {
  return add_call(call.builder.graph(), name,
                  std::vector<torch::jit::NamedValue>(args.begin(), args.end()));
}

// Some functions of TorchScript return a real number for integers, too.
Value* as_declared_scalar(const Call& call, Value* result) {
  const bool is_integer = call.node.at("outputs").at(0).contains("as_sym_int");
  const bool is_real = result->type()->kind() != c10::TypeKind::IntType;
  return is_integer && is_real ? computed(call, "aten::Int", {result}) : result;
}

// (condition, value if true, value if false).
Value* choice(const Call& call, const Values& args) {
  Graph& graph = call.builder.graph();
  torch::jit::Node* branch = graph.insertNode(graph.create(torch::jit::prim::If, 1));
  branch->addInput(args.at(0));
  for (const size_t i : {1, 2}) branch->addBlock()->registerOutput(args.at(i));
  branch->output()->setType(args.at(1)->type());
  return branch->output();
}

Value* total(const Call& call) {
  Value* sum = nullptr;
  for (const Json& item : call.node.at("inputs").at(0).at("arg").at("as_sym_ints")) {
    Value* value = scalar(call, Json::object({{"as_sym_int", item}}));
    sum = sum ? computed(call, "aten::add", {sum, value}) : value;
  }
  if (!sum) call.refuse("it has no operands");
  return sum;
}

// (scalar, message).
Values assertion(const Call& call) {
  const Json& text = call.argument("assert_msg");
  raise_unless(call.builder.graph(), scalar(call, call.argument("self")),
               "the exported program asserts: " + text.at("as_string").get<std::string>());
  return {};
}

}  // namespace

std::optional<Values> add_scalar(const Call& call) {
  if (const auto function = scalar_functions().find(call.target);
      function != scalar_functions().end())
    return Values{as_declared_scalar(call, computed(call, function->second, scalars(call)))};
  if (call.target == "_operator.pos") return scalars(call);
  if (call.target == "torch.sym_ite") return Values{choice(call, scalars(call))};
  if (call.target == "torch.sym_sum") return Values{total(call)};
  if (call.name == "aten::_assert_scalar") return assertion(call);
  return std::nullopt;
}

void raise_unless(Graph& graph, Value* condition, const std::string& text) {
  torch::jit::Node* branch = graph.insertNode(graph.create(torch::jit::prim::If, 0));
  branch->addInput(condition);
  branch->addBlock();
  const torch::jit::WithInsertPoint otherwise(branch->addBlock());
  graph.insert(torch::jit::prim::RaiseException, {text});
}

}  // namespace torchstreamer::exported
