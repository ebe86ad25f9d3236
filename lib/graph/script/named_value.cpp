#include "graph/script/named_value.h"

#include <ATen/core/List.h>
#include <ATen/core/jit_type.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "graph/script/type_name.h"
#include "support/parsed_number.h"
#include "support/value_text.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

using c10::IValue;
using c10::TypeKind;

constexpr int64_t kMostElements = int64_t{1} << 28;

std::optional<double> number_of(const NamedValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

// Returns a number without a fraction.
std::optional<int64_t> integer_of(const NamedValue& value) {
  constexpr double kMost = int64_t{1} << 53;
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  const auto* real = std::get_if<double>(&value);
  if (!real || !(std::abs(*real) <= kMost) || *real != std::trunc(*real)) return std::nullopt;
  return static_cast<int64_t>(*real);
}

std::optional<std::vector<double>> numbers_of(const NamedValue& value) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&value)) return *numbers;
  if (const auto number = number_of(value)) return std::vector<double>{*number};
  return std::nullopt;
}

std::string without_blanks(std::string text) {
  text.erase(std::remove_if(text.begin(), text.end(), [](unsigned char c) { return c <= ' '; }),
             text.end());
  return text;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream rest(text);
  for (std::string part; std::getline(rest, part, separator);) parts.push_back(part);
  return parts;
}

// Returns the tensor for "zeros(2, 1, 64)". None if the text has a different form or is too large.
std::optional<IValue> parsed_zeros(const std::string& text, const at::TensorOptions& floats) {
  const std::string shape_text = without_blanks(text), name = "zeros(";
  if (shape_text.rfind(name, 0) != 0 || shape_text.back() != ')') return std::nullopt;
  std::vector<int64_t> shape;
  int64_t elements = 1;
  const std::string sizes = shape_text.substr(name.size(), shape_text.size() - name.size() - 1);
  for (const std::string& size_text : split(sizes, ',')) {
    const auto size = parsed_number<int64_t>(size_text);
    if (!size || *size < 0 || (*size > 0 && elements > kMostElements / *size)) return std::nullopt;
    elements *= std::max<int64_t>(1, *size);
    shape.push_back(*size);
  }
  return IValue(at::zeros(shape, floats));
}

std::optional<IValue> tensor_of(const NamedValue& value, const at::TensorOptions& floats) {
  if (const auto* text = std::get_if<std::string>(&value)) return parsed_zeros(*text, floats);
  if (const auto* numbers = std::get_if<std::vector<double>>(&value))
    return IValue(at::tensor(*numbers, at::kDouble).to(floats));
  if (const auto* truth = std::get_if<bool>(&value))
    return IValue(at::scalar_tensor(*truth, floats.dtype(at::kBool)));
  if (const auto* integer = std::get_if<int64_t>(&value))
    return IValue(at::scalar_tensor(*integer, floats.dtype(at::kLong)));
  return IValue(at::scalar_tensor(std::get<double>(value), floats));
}

bool is_tensor(const c10::TypePtr& type) { return type->kind() == TypeKind::TensorType; }

// Number of tensors in a tuple of tensors at any depth. None for other types.
std::optional<size_t> tensors_in(const c10::TypePtr& type) {
  if (is_tensor(type)) return 1;
  const auto tuple = type->cast<c10::TupleType>();
  if (!tuple) return std::nullopt;
  size_t count = 0;
  for (const auto& element : tuple->elements()) {
    const auto inner = tensors_in(element);
    if (!inner) return std::nullopt;
    count += *inner;
  }
  return count;
}

// Returns the tensors of "zeros(1, 8); zeros(1, 8)", or of one part.
std::optional<std::vector<IValue>> tensors_of(const NamedValue& value,
                                              const at::TensorOptions& floats) {
  std::vector<NamedValue> parts = {value};
  if (const auto* text = std::get_if<std::string>(&value)) {
    const auto texts = split(*text, ';');
    parts.assign(texts.begin(), texts.end());
  }
  std::vector<IValue> tensors;
  for (const NamedValue& part : parts) {
    const auto tensor = tensor_of(part, floats);
    if (!tensor) return std::nullopt;
    tensors.push_back(*tensor);
  }
  return tensors;
}

// Returns the value of a type made of tensors. Takes the tensors from `next` on.
IValue packed(const c10::TypePtr& type, std::vector<IValue>::const_iterator& next) {
  if (is_tensor(type)) return *next++;
  std::vector<IValue> elements;
  const auto tuple = type->expect<c10::TupleType>();
  for (const auto& element : tuple->elements()) elements.push_back(packed(element, next));
  return c10::ivalue::Tuple::createNamed(std::move(elements), tuple);
}

std::optional<IValue> tuple_of(const NamedValue& value, const c10::TypePtr& type,
                               const at::TensorOptions& floats) {
  const auto tensors = tensors_of(value, floats);
  if (!tensors || tensors_in(type) != tensors->size()) return std::nullopt;
  auto next = tensors->begin();
  return packed(type, next);
}

std::optional<IValue> list_of(const NamedValue& value, const c10::TypePtr& element,
                              const at::TensorOptions& floats) {
  if (is_tensor(element)) {
    const auto tensors = tensors_of(value, floats);
    if (!tensors) return std::nullopt;
    c10::List<at::Tensor> list;
    for (const IValue& tensor : *tensors) list.push_back(tensor.toTensor());
    return IValue(list);
  }
  const auto numbers = numbers_of(value);
  if (!numbers) return std::nullopt;
  if (element->kind() == TypeKind::FloatType) return IValue(c10::List<double>(*numbers));
  if (element->kind() != TypeKind::IntType) return std::nullopt;
  c10::List<int64_t> list;
  for (const double number : *numbers) {
    const auto integer = integer_of(number);
    if (!integer) return std::nullopt;
    list.push_back(*integer);
  }
  return IValue(list);
}

// Returns none if the value does not have the type.
std::optional<IValue> conversion(const NamedValue& value, const c10::TypePtr& type,
                                 const at::TensorOptions& floats) {
  const auto as_ivalue = [](const auto& found) {
    return found ? std::optional<IValue>(IValue(*found)) : std::nullopt;
  };
  switch (type->kind()) {
    case TypeKind::IntType:
      return as_ivalue(integer_of(value));
    case TypeKind::FloatType:
      return as_ivalue(number_of(value));
    case TypeKind::BoolType:
      return as_ivalue(std::get_if<bool>(&value));
    case TypeKind::StringType:
      return as_ivalue(std::get_if<std::string>(&value));
    case TypeKind::TensorType:
      return tensor_of(value, floats);
    case TypeKind::TupleType:
      return tuple_of(value, type, floats);
    case TypeKind::ListType:
      return list_of(value, type->expect<c10::ListType>()->getElementType(), floats);
    case TypeKind::OptionalType:
      if (value == NamedValue(std::string("None"))) return IValue();
      return conversion(value, type->expect<c10::OptionalType>()->getElementType(), floats);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string accepted_values(const c10::TypePtr& type) {
  switch (type->kind()) {
    case TypeKind::IntType:
      return "an integer";
    case TypeKind::FloatType:
      return "a number";
    case TypeKind::BoolType:
      return "true or false";
    case TypeKind::StringType:
      return "a string";
    case TypeKind::TensorType:
      return "a number, an array of numbers or a string such as 'zeros(2, 1, 64)'";
    case TypeKind::TupleType:
      if (const auto count = tensors_in(type))
        return std::to_string(*count) +
               (*count == 1 ? " tensor" : " tensors separated by semicolons") +
               ", each a string such as 'zeros(2, 1, 64)'";
      return "";
    case TypeKind::ListType: {
      const auto element = type->expect<c10::ListType>()->getElementType();
      if (element->kind() == TypeKind::IntType) return "an array of integers";
      if (element->kind() == TypeKind::FloatType) return "an array of numbers";
      if (is_tensor(element))
        return "tensors separated by semicolons, each a string such as 'zeros(2, 1, 64)'";
      return "";
    }
    case TypeKind::OptionalType: {
      const std::string inner =
          accepted_values(type->expect<c10::OptionalType>()->getElementType());
      return inner.empty() ? "'None'" : inner + ", or 'None'";
    }
    default:
      return "";
  }
}

IValue converted_value(const NamedValue& value, const c10::TypePtr& type,
                       const at::TensorOptions& floats, const std::string& name) {
  const std::string values = accepted_values(type);
  if (values.empty())
    throw OptionError(name + " is of type " + type_name(type) +
                      ", for which no value can be given");
  if (const auto converted = conversion(value, type, floats)) return *converted;
  throw OptionError(name + " is of type " + type_name(type) + " and takes " + values + ", not " +
                    shown(value));
}

}  // namespace torchstreamer::graph
