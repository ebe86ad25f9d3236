#include "graph/script/module_attributes.h"

#include <ATen/core/jit_type.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <set>

#include "graph/script/graph_function.h"
#include "graph/script/method_graph.h"
#include "graph/script/retarget.h"
#include "graph/script/saved_state.h"
#include "graph/script/type_name.h"
#include "support/exceptions.h"
#include "support/value_text.h"
#include "support/wrong_option.h"

namespace torchstreamer::graph {
namespace {

namespace jit = torch::jit;
using c10::IValue;
using c10::TypeKind;

const std::string kSetter = "set_";

bool is_plain(const c10::TypePtr& type) {
  if (const auto optional = type->cast<c10::OptionalType>())
    return is_plain(optional->getElementType());
  const TypeKind kind = type->kind();
  return kind == TypeKind::IntType || kind == TypeKind::FloatType || kind == TypeKind::BoolType ||
         kind == TypeKind::StringType;
}

bool is_private(const std::string& name) { return name[0] == '_'; }

// Returns true for attributes that torch.nn.Module itself has.
bool is_of_pytorch(const std::string& name) {
  return name == "training" || name == "_is_full_backward_hook";
}

std::vector<ModuleAttribute> saved_attributes(const jit::Module& module) {
  std::vector<ModuleAttribute> attributes;
  const auto& type = *module.type();
  if (type.name()->qualifiedName().rfind("__torch__.torch.", 0) == 0) return attributes;
  for (size_t slot = 0; slot < type.numAttributes(); ++slot) {
    const std::string& name = type.getAttributeName(slot);
    const c10::TypePtr& of_slot = type.getAttribute(slot);
    if (!is_of_pytorch(name) && !type.is_parameter(slot) && !of_slot->is_module())
      attributes.push_back({name, of_slot, module._ivalue()->getSlot(slot), is_plain(of_slot)});
  }
  return attributes;
}

// Returns "; can be set: gain: float, mode: str".
std::string settable(const jit::Module& module) {
  std::string list;
  for (const ModuleAttribute& attribute : module_attributes(module))
    if (attribute.can_be_set && !is_private(attribute.name))
      list += (list.empty() ? "" : ", ") + attribute.name + ": " + type_name(attribute.type);
  return "; can be set: " + (list.empty() ? "none" : list);
}

// Returns the arguments of a setter without the module.
std::vector<IValue> setter_values(const c10::FunctionSchema& schema, const NamedValue& value,
                                  const at::TensorOptions& floats, const std::string& name) {
  const size_t count = schema.arguments().size() - 1;
  const auto* numbers = std::get_if<std::vector<double>>(&value);
  if (count == 1) return {converted_value(value, schema.arguments()[1].type(), floats, name)};
  if (!numbers || numbers->size() != count)
    throw OptionError(name + " takes an array of " + std::to_string(count) + " numbers, not " +
                      shown(value));
  std::vector<IValue> values;
  for (size_t i = 0; i < count; ++i)
    values.push_back(
        converted_value((*numbers)[i], schema.arguments()[i + 1].type(), floats, name));
  return values;
}

jit::Module after_setter(const jit::Module& module, const jit::Method& setter,
                         const NamedValue& value, const at::TensorOptions& floats,
                         const std::string& name) {
  const auto graph = method_graph(module, setter.name());
  move_to_device(*graph, floats.device());
  const at::NoGradGuard no_gradients;
  const IValue self = SavedState(module, *graph).module();
  jit::Stack stack = setter_values(setter.function().getSchema(), value, floats, name);
  stack.insert(stack.begin(), self);
  try {
    graph_function(setter.name(), *graph)->run(stack);
  } catch (const std::exception& e) {
    throw OptionError(name + " cannot be " + shown(value) + ": " + reason_of(e));
  }
  if (stack.front().isInt() && stack.front().toInt() < 0)
    throw OptionError(name + " cannot be " + shown(value) + ": " + setter.name() +
                      "() of the model returns " + std::to_string(stack.front().toInt()));
  return jit::Module(self.toObject());
}

jit::Module with_plain_attribute(const jit::Module& module, const std::string& name,
                                 const NamedValue& value, const at::TensorOptions& floats,
                                 const std::string& text) {
  if (!module.hasattr(name))
    throw OptionError("the model has no attribute '" + name + "'" + settable(module));
  const c10::TypePtr type = module.type()->getAttribute(name);
  if (!is_plain(type))
    throw OptionError(text + " is of type " + type_name(type) + " and the model has no method " +
                      kSetter + name + "() to set it" + settable(module));
  jit::Module copy(with_own_objects(module._ivalue()).toObject());
  copy.setattr(name, converted_value(value, type, floats, text));
  return copy;
}

}  // namespace

std::vector<ModuleAttribute> module_attributes(const jit::Module& module) {
  auto attributes = saved_attributes(module);
  for (const auto& method : module.get_methods()) {
    const auto& arguments = method.function().getSchema().arguments();
    if (method.name().rfind(kSetter, 0) != 0 || arguments.size() < 2) continue;
    const std::string name = method.name().substr(kSetter.size());
    const auto saved = std::find_if(attributes.begin(), attributes.end(),
                                    [&](const ModuleAttribute& a) { return a.name == name; });
    if (saved == attributes.end())
      attributes.push_back({name, arguments[1].type(), std::nullopt, true});
    else
      saved->can_be_set = true;
  }
  std::stable_partition(attributes.begin(), attributes.end(),
                        [](const ModuleAttribute& a) { return !is_private(a.name); });
  return attributes;
}

namespace {

jit::Module with_attribute(const jit::Module& module, const std::string& name,
                           const NamedValue& value, const at::TensorOptions& floats) {
  const std::string text = "the attribute '" + name + "'";
  const auto setter = module.find_method(kSetter + name);
  return setter && setter->num_inputs() > 1
             ? after_setter(module, *setter, value, floats, text)
             : with_plain_attribute(module, name, value, floats, text);
}

}  // namespace

jit::Module with_attributes(const jit::Module& module, const NamedValues& attributes,
                            const at::TensorOptions& floats) {
  jit::Module result = module;
  for (const auto& [name, value] : attributes) {
    result = with_option_key("attributes." + name, [&, &name = name, &value = value] {
      return with_attribute(result, name, value, floats);
    });
  }
  return result;
}

}  // namespace torchstreamer::graph
