#include "blocks/returned_states.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace torchstreamer::blocks {
namespace {

using c10::TypePtr;
using graph::Argument;
using graph::without_optional;

// Returns true for two tensors, and for tuples, lists and dictionaries of the same structure of
// tensors. Parts of them may be optional in one of the types only.
bool is_same_structure(const TypePtr& optional_a, const TypePtr& optional_b) {
  const TypePtr a = without_optional(optional_a), b = without_optional(optional_b);
  if (const auto tuple = a->cast<c10::TupleType>()) {
    const auto other = b->cast<c10::TupleType>();
    if (!other || other->elements().size() != tuple->elements().size()) return false;
    for (size_t i = 0; i < tuple->elements().size(); ++i)
      if (!is_same_structure(tuple->elements()[i], other->elements()[i])) return false;
    return true;
  }
  if (const auto list = a->cast<c10::ListType>()) {
    const auto other = b->cast<c10::ListType>();
    return other && is_same_structure(list->getElementType(), other->getElementType());
  }
  if (const auto dict = a->cast<c10::DictType>()) {
    const auto other = b->cast<c10::DictType>();
    return other && *dict->getKeyType() == *other->getKeyType() &&
           is_same_structure(dict->getValueType(), other->getValueType());
  }
  const auto& tensor = *c10::TensorType::get();
  return a->isSubtypeOf(tensor) && b->isSubtypeOf(tensor);
}

// Returns true if the first call can get a value that means "no state yet". If the default of an
// argument is None and the user gives None, the argument is not a state.
bool may_be_state(const Argument& argument, const NamedValues& inputs) {
  if (argument.kind == Argument::Kind::kDefault) return argument.value->isNone();
  const auto given = inputs.find(argument.name);
  if (argument.kind != Argument::Kind::kGiven || given == inputs.end()) return false;
  const bool is_text = std::holds_alternative<std::string>(given->second);
  return is_text && !(argument.value->isNone() && argument.has_default);
}

// Returns the number of tensors and numbers in a value of this type; none if it has no fixed
// number.
std::optional<int> leaves_of(const TypePtr& type) {
  if (type->kind() == c10::TypeKind::ListType || type->kind() == c10::TypeKind::DictType)
    return std::nullopt;
  const auto tuple = type->cast<c10::TupleType>();
  if (!tuple) return 1;
  int leaves = 0;
  for (const TypePtr& element : tuple->elements()) {
    const auto inner = leaves_of(element);
    if (!inner) return std::nullopt;
    leaves += *inner;
  }
  return leaves;
}

// Returns the index of the element that contains the output. `output`: an index among all tensors
// and numbers, or a name that begins with the name of an element.
size_t output_element(const c10::TupleType& tuple, const std::string& output) {
  const std::string name = output.substr(0, output.find('.'));
  const bool is_index = name.find_first_not_of("0123456789") == std::string::npos;
  int64_t first_leaf = 0;
  for (size_t e = 0; e < tuple.elements().size(); ++e) {
    if (!is_index && tuple.schema() && tuple.schema()->arguments().at(e).name() == name) return e;
    const auto leaves = leaves_of(tuple.elements()[e]);
    if (!leaves) return e;
    first_leaf += *leaves;
    if (is_index && std::strtoll(name.c_str(), nullptr, 10) < first_leaf) return e;
  }
  return 0;
}

}  // namespace

std::vector<ReturnedState> returned_states(const std::vector<Argument>& arguments,
                                           const NamedValues& inputs, const TypePtr& returned,
                                           const std::string& output) {
  const auto tuple = returned->cast<c10::TupleType>();
  if (!tuple) return {};
  const size_t output_at = output_element(*tuple, output);
  std::vector<ReturnedState> states;
  size_t next = 0;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!may_be_state(arguments[i], inputs)) continue;
    for (size_t e = next; e < tuple->elements().size(); ++e) {
      if (e == output_at || !is_same_structure(arguments[i].type, tuple->elements()[e])) continue;
      states.push_back({i + 1, e});
      next = e + 1;
      break;
    }
  }
  return states;
}

std::vector<std::string> unmatched_states(const std::vector<Argument>& arguments,
                                          const NamedValues& inputs, const TypePtr& returned,
                                          const std::vector<ReturnedState>& states) {
  std::vector<std::string> names;
  const bool has_more =
      returned->cast<c10::DictType>() ||
      (returned->cast<c10::TupleType>() && returned->cast<c10::TupleType>()->elements().size() > 1);
  for (size_t i = 0; has_more && i < arguments.size(); ++i) {
    const bool is_matched = std::any_of(
        states.begin(), states.end(), [&](const ReturnedState& s) { return s.argument == i + 1; });
    const bool has_tensors = is_same_structure(arguments[i].type, arguments[i].type);
    if (!is_matched && has_tensors && arguments[i].kind == Argument::Kind::kDefault &&
        may_be_state(arguments[i], inputs))
      names.push_back(arguments[i].name);
  }
  return names;
}

}  // namespace torchstreamer::blocks
