#include "blocks/method/returned_parts.h"

#include <ATen/core/jit_type.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

namespace jit = torch::jit;

using Entries = std::vector<std::pair<std::string, const jit::Value*>>;

// Adds an entry. Returns false if its key is not a constant string.
bool add_entry(Entries& entries, const jit::Value* key, const jit::Value* value) {
  const auto constant = jit::toIValue(key);
  if (!constant || !constant->isString()) return false;
  const std::string& name = constant->toStringRef();
  const auto known = std::find_if(entries.begin(), entries.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (known == entries.end())
    entries.emplace_back(name, value);
  else
    known->second = value;
  return true;
}

// Returns the entries of a dictionary in their order; none if they are not constants of the graph.
std::optional<Entries> entries_of(const jit::Value* dict) {
  if (!dict || dict->node()->kind() != jit::prim::DictConstruct) return std::nullopt;
  Entries entries;
  const auto inputs = dict->node()->inputs();
  for (size_t i = 0; i + 1 < inputs.size(); i += 2)
    if (!add_entry(entries, inputs[i], inputs[i + 1])) return std::nullopt;
  for (const jit::Use& use : dict->uses()) {
    const bool sets_item = use.user->kind() == c10::aten::_set_item && use.offset == 0;
    if (sets_item && !add_entry(entries, use.user->input(1), use.user->input(2)))
      return std::nullopt;
  }
  return entries;
}

class PartList {
 public:
  void add(ReturnedPart part) {
    const size_t at = parts_.size();
    part.first_leaf = leaves_;
    parts_.push_back(part);
    if (const auto tuple = part.type->cast<c10::TupleType>())
      add_elements(part, *tuple);
    else if (const auto entries = entries_of(part.value))
      add_entries(part, *entries);
    else
      parts_[at].is_leaf = ++leaves_ > 0;
    parts_[at].leaves = leaves_ - part.first_leaf;
  }

  std::vector<ReturnedPart> take() { return std::move(parts_); }

 private:
  void add_elements(const ReturnedPart& part, const c10::TupleType& tuple) {
    const bool is_shown = part.value && part.value->node()->kind() == jit::prim::TupleConstruct;
    for (size_t i = 0; i < tuple.elements().size(); ++i) {
      const std::string field = tuple.schema() ? tuple.schema()->arguments().at(i).name() : "";
      add_item(part, static_cast<int64_t>(i), field, tuple.elements()[i],
               is_shown ? part.value->node()->input(i) : nullptr);
    }
  }

  void add_entries(const ReturnedPart& part, const Entries& entries) {
    // The type of the part itself may be Optional, the type of its value is a dictionary.
    const auto type = part.value->type()->expect<c10::DictType>()->getValueType();
    for (const auto& [key, value] : entries) add_item(part, key, key, type, value);
  }

  void add_item(const ReturnedPart& part, const IValue& step, const std::string& field,
                const c10::TypePtr& type, const jit::Value* value) {
    PartPath path = part.path;
    path.push_back(step);
    const std::string name = field.empty() ? c10::str(step) : field;
    add({path, part.name.empty() ? name : part.name + "." + name, field, type, value});
  }

  std::vector<ReturnedPart> parts_;
  size_t leaves_ = 0;
};

}  // namespace

std::vector<ReturnedPart> returned_parts(const jit::Value* returned) {
  PartList list;
  list.add({{}, "", "", returned->type(), returned});
  return list.take();
}

IValue part_at(const IValue& returned, const PartPath& path) {
  IValue part = returned;
  for (const IValue& step : path) {
    if (step.isInt()) {
      part = IValue(part.toTupleRef().elements().at(step.toInt()));
      continue;
    }
    const auto dict = part.toGenericDict();
    if (!dict.contains(step))
      throw Error("it does not return its state '" + step.toStringRef() + "' this time");
    part = dict.at(step);
  }
  return part;
}

}  // namespace torchstreamer::blocks
