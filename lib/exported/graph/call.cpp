#include "exported/graph/call.h"

#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>
#include <torch/version.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

using torch::jit::Operator;

using Converter = Value* (Builder::*)(const Json& arg, const c10::TypePtr& type);

// Adds the arguments as values in the order of the schema; none if they do not fit the schema.
std::optional<Values> inputs_of(Builder& builder, const c10::FunctionSchema& schema,
                                const NamedArguments& args, Converter convert) {
  Values inputs;
  size_t used = 0;
  for (const c10::Argument& formal : schema.arguments()) {
    const auto given = args.find(formal.name());
    Value* value = nullptr;
    if (given != args.end()) {
      ++used;
      value = (builder.*convert)(*given->second, formal.type());
    } else if (formal.default_value()) {
      value = builder.constant(*formal.default_value());
    }
    if (!value) return std::nullopt;
    inputs.push_back(value);
  }
  for (const auto& [name, arg] : args)  // None is the default of arguments that are new
    used += !schema.argumentIndexWithName(name) && arg->contains("as_none");
  return used == args.size() ? std::optional<Values>(inputs) : std::nullopt;
}

std::optional<Values> added(Builder& builder, const c10::FunctionSchema& schema,
                            const NamedArguments& args, Converter convert) {
  const auto inputs = inputs_of(builder, schema, args, convert);
  if (!inputs) return std::nullopt;
  Graph& graph = builder.graph();
  const auto symbol = c10::Symbol::fromQualString(schema.name());
  torch::jit::Node* node = graph.create(symbol, *inputs, schema.returns().size());
  for (size_t i = 0; i < schema.returns().size(); ++i)
    node->output(i)->setType(schema.returns()[i].type());
  graph.insertNode(node);
  if (node->maybeOperator()) return Values(node->outputs().begin(), node->outputs().end());
  node->destroy();
  return std::nullopt;
}

// Converts outputs to booleans if the program states so: an operator that is given 0 or 1 in place
// of a boolean may return integers.
Values with_booleans(const Call& call, Values values) {
  const Json& outputs = call.node.at("outputs");
  for (size_t i = 0; i < std::min(values.size(), outputs.size()); ++i)
    if (const auto tensor = outputs[i].find("as_tensor");
        tensor != outputs[i].end() &&
        call.builder.is_boolean(tensor->at("name").get<std::string>()))
      values[i] =
          add_call(call.builder.graph(), "aten::to", {values[i], static_cast<int64_t>(c10::kBool)});
  return values;
}

std::string names_of(const NamedArguments& args) {
  std::string names;
  for (const auto& [name, arg] : args) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace

NamedArguments Call::arguments() const {
  NamedArguments args;
  for (const Json& input : node.at("inputs"))
    args[input.at("name").get<std::string>()] = &input.at("arg");
  return args;
}

const Json& Call::argument(const std::string& name) const {
  for (const Json& input : node.at("inputs"))
    if (input.at("name") == name) return input.at("arg");
  refuse("it has no argument '" + name + "'");
}

void Call::refuse(const std::string& reason) const {
  throw Refusal(name, place.module_path, place.line, reason);
}

Call call_of(Builder& builder, const Json& node, const Place& place) {
  const std::string target = node.at("target").get<std::string>();
  Call call{builder, node, place, target, target, ""};
  const std::string prefix = "torch.ops.";
  const size_t space_end = target.find('.', prefix.size()), name_end = target.rfind('.');
  if (target.compare(0, prefix.size(), prefix) != 0 || space_end == std::string::npos) return call;
  const std::string space = target.substr(prefix.size(), space_end - prefix.size());
  if (space == "higher_order") {
    call.name = space + "::" + target.substr(space_end + 1);
  } else if (name_end > space_end) {
    call.name = space + "::" + target.substr(space_end + 1, name_end - space_end - 1);
    call.overload = target.substr(name_end + 1);
    if (call.overload == "default") call.overload.clear();
  }
  return call;
}

Values add_operator(const Call& call, const std::string& name, const std::string& overload,
                    const NamedArguments& args) {
  auto operators = torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(name));
  if (operators.empty())
    call.refuse("libtorch " TORCH_VERSION " has no operator " + name +
                "; use a newer libtorch, export program.run_decompositions(), or load the library "
                "that registers it");
  std::stable_partition(operators.begin(), operators.end(), [&](const auto& candidate) {
    return candidate->schema().overload_name() == overload;
  });
  for (const auto& candidate : operators)
    if (const auto outputs = added(call.builder, candidate->schema(), args, &Builder::argument))
      return *outputs;
  for (const auto& candidate : operators)
    if (const auto outputs =
            added(call.builder, candidate->schema(), args, &Builder::converted_argument))
      return with_booleans(call, *outputs);
  call.refuse("the operator of libtorch " TORCH_VERSION " does not take these arguments: " +
              names_of(args));
}

}  // namespace torchstreamer::exported
