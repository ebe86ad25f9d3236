#include "blocks/method/returned_states.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "blocks/method/counters.h"

namespace torchstreamer::blocks {
namespace {

using c10::TypePtr;
using graph::Argument;
using graph::without_optional;
using Kind = Argument::Kind;
namespace jit = torch::jit;

bool is_number_type(const TypePtr& type) {
  const auto kind = without_optional(type)->kind();
  return kind == c10::TypeKind::IntType || kind == c10::TypeKind::FloatType ||
         kind == c10::TypeKind::BoolType;
}

// Returns true for two tensors, two numbers of one type, and for tuples, lists and dictionaries of
// the same structure of them. Parts of them may be optional in one of the types only.
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
  if (is_number_type(a)) return *a == *b;
  const auto& tensor = *c10::TensorType::get();
  return a->isSubtypeOf(tensor) && b->isSubtypeOf(tensor);
}

// Returns the types of the leaves of a tuple; the type itself if it is not a tuple.
std::vector<TypePtr> leaf_types(const TypePtr& type) {
  const auto tuple = type->cast<c10::TupleType>();
  if (!tuple) return {type};
  std::vector<TypePtr> types;
  for (const TypePtr& element : tuple->elements())
    for (const TypePtr& leaf : leaf_types(element)) types.push_back(leaf);
  return types;
}

// Returns the value of this type whose leaves are the next `parts` of the returned value.
IValue assembled(const TypePtr& type, std::vector<PartPath>::const_iterator& parts,
                 const IValue& returned) {
  const auto tuple = type->cast<c10::TupleType>();
  if (!tuple) return part_at(returned, *parts++);
  std::vector<IValue> elements;
  for (const TypePtr& element : tuple->elements())
    elements.push_back(assembled(element, parts, returned));
  return c10::ivalue::Tuple::createNamed(std::move(elements), tuple);
}

// Returns LoadOptions::output, as an index if it is a name that the options define.
std::string own_output(const LoadOptions& options) {
  const auto& names = options.output_names;
  const auto named = std::find(names.begin(), names.end(), options.output);
  return named == names.end() ? options.output : std::to_string(named - names.begin());
}

// Returns true for a leaf with several tensors whose number is not known.
bool has_many(const ReturnedPart& leaf) {
  const auto kind = without_optional(leaf.type)->kind();
  return kind == c10::TypeKind::ListType || kind == c10::TypeKind::DictType ||
         kind == c10::TypeKind::TupleType;
}

// Finds the states of one method.
class StateSearch {
 public:
  StateSearch(const std::vector<Argument>& arguments, const jit::Graph& graph,
              const LoadOptions& options)
      : arguments_(arguments),
        graph_(graph),
        options_(options),
        parts_(returned_parts(graph.outputs()[0])) {
    used_leaves_.resize(parts_[0].leaves);
    find_output(own_output(options));
  }

  StatesOfMethod find() {
    for (const auto match :
         {&StateSearch::match_name, &StateSearch::match_counter, &StateSearch::match_item})
      for (size_t i = 0; i < arguments_.size(); ++i)
        if (states_.count(i) == 0 && may_be_state(i)) (this->*match)(i);
    match_rest();
    StatesOfMethod found;
    for (const auto& [argument, state] : states_) found.states.push_back(state);
    for (size_t i = 0; i < arguments_.size(); ++i)
      if (states_.count(i) == 0 && may_be_state(i)) add_warning(i, found.warnings);
    return found;
  }

 private:
  bool is_number(size_t i) const { return is_number_type(arguments_[i].type); }
  const jit::Value* input(size_t i) const { return graph_.inputs()[i + 1]; }

  // Returns true if the first call can get a value that means "no state yet". If the default of an
  // argument is None and the user gives None, the argument is not a state.
  bool may_be_state(size_t i) const {
    const Argument& a = arguments_[i];
    if (!is_same_structure(a.type, a.type)) return false;
    if (a.kind != Kind::kDefault && a.kind != Kind::kGiven) return false;
    if (is_number(i)) return a.kind == Kind::kDefault || !a.value->isNone();
    if (a.kind == Kind::kDefault) return a.value->isNone();
    const auto given = options_.call.inputs.find(a.name);
    return given != options_.call.inputs.end() &&
           std::holds_alternative<std::string>(given->second) &&
           !(a.value->isNone() && a.has_default);
  }

  bool is_free(const ReturnedPart& part) const {
    const auto first = used_leaves_.begin() + static_cast<int64_t>(part.first_leaf);
    const auto end = first + static_cast<int64_t>(part.leaves);
    return part.leaves > 0 && std::find(first, end, true) == end;
  }

  bool fits(const ReturnedPart& part, size_t i) const {
    return is_free(part) && is_same_structure(arguments_[i].type, part.type);
  }

  void use(const ReturnedPart& part) {
    std::fill_n(used_leaves_.begin() + static_cast<int64_t>(part.first_leaf), part.leaves, true);
  }

  // Uses the leaf that contains the output. `output`: an index among all tensors and numbers, or a
  // name that begins with that of the leaf.
  void find_output(const std::string& output) {
    const bool is_index = output.find_first_not_of("0123456789") == std::string::npos;
    int64_t index = is_index ? std::strtoll(output.c_str(), nullptr, 10) : 0;
    const ReturnedPart* first = nullptr;
    for (const ReturnedPart& part : parts_) {
      if (!part.is_leaf || part.type->kind() == c10::TypeKind::StringType) continue;
      if (!first) first = &part;
      const bool is_named = (output + ".").rfind(part.name + ".", 0) == 0;
      if (is_index ? has_many(part) || index-- == 0 : is_named) return use(part);
    }
    if (first) use(*first);
  }

  template <class Predicate>
  void match_part(size_t i, const Predicate& matches) {
    const auto part = std::find_if(parts_.begin(), parts_.end(),
                                   [&](const ReturnedPart& p) { return fits(p, i) && matches(p); });
    if (part == parts_.end()) return;
    use(*part);
    states_[i] = {i + 1, {part->path}, nullptr};
  }

  void match_name(size_t i) {
    match_part(i, [&](const ReturnedPart& part) {
      const bool is_changed = !is_number(i) || part.value != input(i);
      return part.field == arguments_[i].name && is_changed;
    });
  }

  void match_counter(size_t i) {
    if (is_number(i))
      match_part(i, [&](const ReturnedPart& p) { return p.value && counts_on(p.value, input(i)); });
  }

  void match_item(size_t i) {
    if (!is_number(i))
      match_part(i, [](const ReturnedPart& p) { return p.path.size() == 1 && p.path[0].isInt(); });
  }

  // Matches all remaining arguments with all remaining parts.
  void match_rest() {
    std::vector<size_t> arguments;
    std::vector<TypePtr> types;
    for (size_t i = 0; i < arguments_.size(); ++i) {
      if (states_.count(i) > 0 || is_number(i) || !may_be_state(i)) continue;
      arguments.push_back(i);
      for (const TypePtr& type : leaf_types(without_optional(arguments_[i].type)))
        types.push_back(type);
    }
    std::vector<PartPath> paths;
    for (const ReturnedPart& part : parts_) {
      if (!part.is_leaf || !is_free(part)) continue;
      const auto is_index = [](const IValue& step) { return step.isInt(); };
      if (paths.size() == types.size() || !is_same_structure(types[paths.size()], part.type) ||
          !std::all_of(part.path.begin(), part.path.end(), is_index))
        return;
      paths.push_back(part.path);
    }
    if (paths.size() != types.size()) return;
    auto next = paths.begin();
    for (const size_t argument : arguments) {
      const TypePtr type = without_optional(arguments_[argument].type);
      const auto end = next + static_cast<int64_t>(leaf_types(type).size());
      states_[argument] = {argument + 1, std::vector<PartPath>(next, end),
                           type->cast<c10::TupleType>()};
      next = end;
    }
  }

  void add_warning(size_t i, std::vector<std::string>& warnings) const {
    const Argument& a = arguments_[i];
    const std::string beginning =
        "the argument '" + a.name + "' of " + options_.call.method_name() + "() ";
    if (is_number(i)) {
      if (a.kind == Kind::kDefault && may_return(i))
        warnings.push_back(beginning +
                           "has its default in every call; if the method returns its next value, "
                           "name the field of the returned tuple '" +
                           a.name + "', otherwise set the argument with inputs");
    } else if (parts_.size() > 2 || has_many(parts_[0])) {
      warnings.push_back(beginning + (a.value->isNone() ? "is None" : "has the given value") +
                         " in every call, because the method returns nothing of its type that is "
                         "certain to be its next value; return it with the type or under the name "
                         "of the argument");
    }
  }

  // Returns true if a number that may be the next value of this argument is returned.
  bool may_return(size_t i) const {
    return std::any_of(parts_.begin(), parts_.end(), [&](const ReturnedPart& part) {
      if (!fits(part, i) || part.value == input(i)) return false;
      const bool is_flag = part.type->kind() == c10::TypeKind::BoolType;
      return !part.value || (is_flag && jit::toIValue(part.value)) ||
             depends_on(part.value, input(i));
    });
  }

  const std::vector<Argument>& arguments_;
  const jit::Graph& graph_;
  const LoadOptions& options_;
  std::vector<ReturnedPart> parts_;
  std::vector<bool> used_leaves_;           // by the output and by states
  std::map<size_t, ReturnedState> states_;  // by the index of the argument
};

}  // namespace

IValue ReturnedState::value_in(const IValue& returned) const {
  if (!tuple) return part_at(returned, parts[0]);
  auto next = parts.begin();
  return assembled(tuple, next, returned);
}

StatesOfMethod returned_states(const std::vector<Argument>& arguments, const jit::Graph& graph,
                               const LoadOptions& options) {
  return StateSearch(arguments, graph, options).find();
}

}  // namespace torchstreamer::blocks
