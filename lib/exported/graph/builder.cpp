#include "exported/graph/builder.h"

#include <ATen/ScalarOps.h>
#include <ATen/core/ivalue.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "exported/file/codes.h"
#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

using c10::IValue;
using c10::TypeKind;

// JSON has no infinities: torch writes them as strings.
double real(const Json& number) {
  if (!number.is_string()) return number.get<double>();
  const auto& text = number.get_ref<const std::string&>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  if (text == "Infinity" || text == "-Infinity") return text[0] == '-' ? -infinity : infinity;
  throw Error("the number '" + text.substr(0, 40) + "' cannot be read");
}

bool has(const Json& arg, const char* tag) { return arg.contains(tag); }

// Returns a constant of the type; none if the argument is not such a constant.
std::optional<IValue> constant_of(const Json& arg, TypeKind kind) {
  const bool is_scalar = kind == TypeKind::NumberType;
  if (has(arg, "as_int")) {
    if (kind == TypeKind::IntType || is_scalar) return arg.at("as_int").get<int64_t>();
    if (kind == TypeKind::FloatType) return arg.at("as_int").get<double>();
  }
  if (has(arg, "as_float") && (kind == TypeKind::FloatType || is_scalar))
    return real(arg.at("as_float"));
  if (has(arg, "as_bool") && kind == TypeKind::BoolType) return arg.at("as_bool").get<bool>();
  if (has(arg, "as_string") && kind == TypeKind::StringType)
    return arg.at("as_string").get<std::string>();
  if (has(arg, "as_complex") && (kind == TypeKind::ComplexType || is_scalar))
    return c10::complex<double>(real(arg.at("as_complex").at("real")),
                                real(arg.at("as_complex").at("imag")));
  if (kind != TypeKind::IntType) return std::nullopt;
  if (has(arg, "as_scalar_type"))
    return static_cast<int64_t>(dtype_of_code(arg.at("as_scalar_type").get<int64_t>()));
  if (has(arg, "as_memory_format"))
    return memory_format_of_code(arg.at("as_memory_format").get<int64_t>());
  if (has(arg, "as_layout")) return layout_of_code(arg.at("as_layout").get<int64_t>());
  return std::nullopt;
}

// The name of a value that is not a tensor. A number in its place is a constant.
const Json* symbol_of(const Json& arg) {
  for (const char* tag : {"as_sym_int", "as_sym_float", "as_sym_bool"})
    if (has(arg, tag)) return &arg.at(tag);
  return nullptr;
}

// Tags of lists, with the tag of each item; null for items that are tagged themselves.
constexpr struct {
  const char *list, *item;
} kLists[] = {
    {"as_ints", "as_int"},       {"as_floats", "as_float"},   {"as_bools", "as_bool"},
    {"as_strings", "as_string"}, {"as_tensors", "as_tensor"}, {"as_sym_ints", nullptr},
    {"as_sym_floats", nullptr},  {"as_sym_bools", nullptr},   {"as_optional_tensors", nullptr},
};

}  // namespace

Value* Builder::get(const std::string& name) const {
  const auto known = scope_.values.find(name);
  if (known == scope_.values.end())
    throw Error("the program uses a value '" + name.substr(0, 100) + "' that it does not compute");
  return known->second;
}

const Json* Builder::stated(const std::string& name) const {
  if (!scope_.tensors) return nullptr;
  const auto tensor = scope_.tensors->find(name);
  return tensor == scope_.tensors->end() ? nullptr : &*tensor;
}

bool Builder::is_boolean(const std::string& name) const { return dtype(name) == c10::kBool; }

std::optional<c10::ScalarType> Builder::dtype(const std::string& name) const {
  const Json* tensor = stated(name);
  if (!tensor) return std::nullopt;
  return dtype_of_code(tensor->at("dtype").get<int64_t>());
}

const Json* Builder::sizes(const std::string& name) const {
  const Json* tensor = stated(name);
  return tensor && tensor->contains("sizes") ? &tensor->at("sizes") : nullptr;
}

const Json* Builder::sizes(const Value* value) const {
  for (const auto& [name, named] : scope_.values)
    if (named == value) return sizes(name);
  return nullptr;
}

Value* Builder::list(const Json& items, const c10::TypePtr& element, const char* tag) {
  std::vector<Value*> values;
  for (const Json& item : items) {
    values.push_back(argument(tag ? Json::object({{tag, item}}) : item, element));
    if (!values.back()) return nullptr;
  }
  return graph_.insertNode(graph_.createList(element, values))->output();
}

Value* Builder::argument(const Json& arg, const c10::TypePtr& type) {
  if (has(arg, "as_none"))
    return type->kind() == TypeKind::OptionalType || type->kind() == TypeKind::NoneType
               ? constant(IValue())
               : nullptr;
  if (has(arg, "as_optional_tensor")) return argument(arg.at("as_optional_tensor"), type);
  if (const auto optional = type->cast<c10::OptionalType>())
    return argument(arg, optional->getElementType());
  if (const auto list_type = type->cast<c10::ListType>()) {
    for (const auto& row : kLists)
      if (has(arg, row.list)) return list(arg.at(row.list), list_type->getElementType(), row.item);
    return list(Json::array({arg}), list_type->getElementType(), nullptr);  // as in Python
  }
  if (has(arg, "as_device"))
    return type->kind() == TypeKind::DeviceObjType ? constant(IValue(device_)) : nullptr;
  const Json* symbol = symbol_of(arg);
  const bool is_named = symbol && has(*symbol, "as_name");
  if (!is_named && !has(arg, "as_tensor") && !has(arg, "as_name")) {
    const auto value = constant_of(symbol ? *symbol : arg, type->kind());
    return value ? constant(*value) : nullptr;
  }
  const Json& name = is_named              ? symbol->at("as_name")
                     : has(arg, "as_name") ? arg.at("as_name")
                                           : arg.at("as_tensor").at("name");
  Value* value = get(name.get<std::string>());
  if (value->type()->isSubtypeOf(*type)) return value;
  if (type->kind() == TypeKind::FloatType && value->type()->kind() == TypeKind::IntType)
    return add_call(graph_, "aten::Float", {value});
  return nullptr;
}

Value* Builder::converted_argument(const Json& arg, const c10::TypePtr& type) {
  if (Value* value = argument(arg, type)) return value;
  if (const auto optional = type->cast<c10::OptionalType>())
    return converted_argument(arg, optional->getElementType());
  if (type->kind() == TypeKind::TensorType && has(arg, "as_sym_int"))
    if (Value* length = argument(arg, c10::IntType::get()))
      return add_call(graph_, "aten::tensor", {length});
  const auto number =
      constant_of(arg, has(arg, "as_bool") ? TypeKind::BoolType : TypeKind::NumberType);
  if (!number) return nullptr;
  if (type->kind() == TypeKind::NumberType && number->isBool())
    return constant(static_cast<int64_t>(number->toBool()));
  if (type->kind() == TypeKind::IntType && number->isDouble() &&
      number->toDouble() == std::trunc(number->toDouble()))
    return constant(static_cast<int64_t>(number->toDouble()));
  if (type->kind() != TypeKind::TensorType) return nullptr;
  const at::Tensor tensor = c10::scalar_to_tensor(number->toScalar(), device_);
  tensor.unsafeGetTensorImpl()->set_wrapped_number(true);  // it does not decide the type of results
  return constant(tensor);
}

}  // namespace torchstreamer::exported
