#include "graph/script/arguments.h"

#include <ATen/core/jit_type.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <set>

#include "graph/script/signature.h"
#include "graph/script/type_name.h"
#include "support/wrong_option.h"

namespace torchstreamer::graph {
namespace {

using c10::IValue;
using c10::TypeKind;
using Kind = Argument::Kind;

bool is_rate(const std::string& name, const c10::TypePtr& type) {
  static const std::set<std::string> names = {"sr", "sample_rate", "sampling_rate", "fs", "rate"};
  const TypeKind kind = without_optional(type)->kind();
  return names.count(name) > 0 && (kind == TypeKind::IntType || kind == TypeKind::FloatType);
}

// Returns any value of the type, for an argument without effect; none if the type is not known.
std::optional<IValue> neutral_value(const c10::TypePtr& type, const at::TensorOptions& floats) {
  switch (type->kind()) {
    case TypeKind::IntType:
      return IValue(int64_t{0});
    case TypeKind::FloatType:
      return IValue(0.0);
    case TypeKind::BoolType:
      return IValue(false);
    case TypeKind::StringType:
      return IValue("");
    case TypeKind::TensorType:
      return IValue(at::zeros({}, floats));
    case TypeKind::OptionalType:
    case TypeKind::NoneType:
      return IValue();
    case TypeKind::ListType:
      return IValue(c10::impl::GenericList(type->expect<c10::ListType>()->getElementType()));
    case TypeKind::TupleType: {
      const auto tuple = type->expect<c10::TupleType>();
      std::vector<IValue> elements;
      for (const auto& element : tuple->elements()) {
        const auto value = neutral_value(element, floats);
        if (!value) return std::nullopt;
        elements.push_back(*value);
      }
      return IValue(c10::ivalue::Tuple::createNamed(std::move(elements), tuple));
    }
    default:
      return std::nullopt;
  }
}

std::string name_of(const c10::FunctionSchema& schema) { return schema.name() + "()"; }

// Classifies an argument that is not the signal.
Argument classified(const c10::Argument& argument, bool is_used, const NamedValues& inputs,
                    const at::TensorOptions& floats, const std::string& method) {
  Argument result{argument.name(), argument.type(), Kind::kMissing, std::nullopt};
  if (argument.default_value()) result.value = *argument.default_value();
  result.has_default = result.value.has_value();
  const auto given = inputs.find(result.name);
  const auto neutral = is_used ? std::nullopt : neutral_value(result.type, floats);
  if (given != inputs.end()) {
    result.kind = Kind::kGiven;
    result.value = with_option_key("inputs." + result.name, [&] {
      return converted_value(given->second, result.type, floats,
                             "the argument '" + result.name + "' of " + method);
    });
  } else if (neutral) {
    result.kind = Kind::kUnused;
    if (!result.value) result.value = neutral;
  } else if (is_rate(result.name, result.type)) {
    result.kind = Kind::kRate;
  } else if (result.value) {
    result.kind = Kind::kDefault;
  }
  return result;
}

void require_known_names(const std::vector<Argument>& arguments, const NamedValues& inputs,
                         const std::string& method) {
  for (const auto& [name, value] : inputs) {
    const auto is_named = [name = name](const Argument& a) { return a.name == name; };
    if (std::none_of(arguments.begin(), arguments.end(), is_named))
      throw WrongOption("inputs." + name, method + " has no argument '" + name + "'; it has " +
                                              listed_arguments(arguments));
  }
}

}  // namespace

c10::TypePtr without_optional(const c10::TypePtr& type) {
  const auto optional = type->cast<c10::OptionalType>();
  return optional ? optional->getElementType() : type;
}

std::vector<Argument> arguments_of(const c10::FunctionSchema& schema,
                                   const torch::jit::Graph& graph, const NamedValues& inputs,
                                   const at::TensorOptions& floats) {
  std::vector<Argument> arguments;
  bool has_signal = false;
  for (size_t i = 1; i < schema.arguments().size(); ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    const bool is_signal = !has_signal && argument.type()->kind() == TypeKind::TensorType &&
                           inputs.count(argument.name()) == 0;
    if (is_signal)
      arguments.push_back({argument.name(), argument.type(), Kind::kSignal, std::nullopt});
    else
      arguments.push_back(
          classified(argument, graph.inputs().at(i)->hasUses(), inputs, floats, name_of(schema)));
    has_signal |= is_signal;
  }
  require_known_names(arguments, inputs, name_of(schema));
  return arguments;
}

IValue rate_value(const c10::TypePtr& type, int64_t rate_hz) {
  if (without_optional(type)->kind() == TypeKind::IntType) return rate_hz;
  return static_cast<double>(rate_hz);
}

void require_complete(const std::vector<Argument>& arguments, const c10::FunctionSchema& schema) {
  const auto refuse = [&](const std::string& reason) {
    throw Refusal(name_of(schema), "", "", reason + ": its signature is " + signature_of(schema));
  };
  const auto is_signal = [](const Argument& a) { return a.kind == Kind::kSignal; };
  const auto is_given_tensor = [](const Argument& a) {
    return a.kind == Kind::kGiven && a.type->kind() == TypeKind::TensorType;
  };
  if (std::none_of(arguments.begin(), arguments.end(), is_signal)) {
    const auto given = std::find_if(arguments.begin(), arguments.end(), is_given_tensor);
    refuse(given == arguments.end()
               ? "it takes no signal, which is its first argument of type Tensor"
               : "its argument '" + given->name + "' is the signal, so inputs may not set it");
  }
  for (const Argument& argument : arguments) {
    if (argument.kind != Kind::kMissing) continue;
    const std::string values = accepted_values(argument.type);
    refuse("it needs a value of its argument '" + argument.name + "' of type " +
           type_name(argument.type) +
           (values.empty() ? ", for which no value can be given"
                           : "; set it with inputs to " + values));
  }
}

std::string listed_arguments(const std::vector<Argument>& arguments) {
  std::string list;
  for (const Argument& argument : arguments)
    list += (list.empty() ? "" : ", ") + argument.name + ": " + type_name(argument.type);
  return list.empty() ? "none" : list;
}

}  // namespace torchstreamer::graph
