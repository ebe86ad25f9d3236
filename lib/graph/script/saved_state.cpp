#include "graph/script/saved_state.h"

#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "graph/script/module_copy.h"
#include "graph/script/visit_nodes.h"
#include "support/shared_storages.h"

namespace torchstreamer::graph {
namespace {

using c10::IValue;
namespace jit = torch::jit;

// Returns the node by which a call gets the memory of `value` from the module, such as GetAttr;
// null if the call makes it itself.
const jit::Node* origin_in_module(const jit::Graph& graph, const jit::Value* value) {
  const jit::Node* node = value->node();
  if (node == graph.param_node()) return value == graph.inputs()[0] ? node : nullptr;
  switch (node->kind()) {
    case jit::prim::ListConstruct:
    case jit::prim::DictConstruct:
    case jit::prim::CreateObject:
    case jit::prim::Constant:
      return nullptr;
    default:
      break;
  }
  const auto* schema = node->maybeSchema();
  if (!schema || value->offset() >= schema->returns().size()) return node;
  const bool is_new = !schema->returns()[value->offset()].alias_info();
  if (is_new) return node->kind().is_aten() ? nullptr : node;
  // An item of a list may be an attribute, even if the call makes the list.
  const bool is_view =
      !node->inputs().empty() && node->input(0)->type()->isSubtypeOf(*c10::TensorType::get());
  return is_view ? origin_in_module(graph, node->input(0)) : node;
}

// Returns the inputs that the node changes.
std::vector<const jit::Value*> changed_inputs(const jit::Node* node) {
  if (node->kind() == jit::prim::SetAttr) return {node->input(0)};
  std::vector<const jit::Value*> changed;
  const auto* schema = node->maybeSchema();
  for (size_t i = 0; schema && i < std::min(schema->arguments().size(), node->inputs().size());
       ++i) {
    const auto* alias = schema->arguments()[i].alias_info();
    if (alias && alias->isWrite()) changed.push_back(node->input(i));
  }
  return changed;
}

// Returns the name of the attribute that contains the items which the node returns; none if it is
// not known.
std::optional<std::string> attribute_with(const jit::Node* node) {
  static const auto item = c10::Symbol::fromQualString("aten::__getitem__");
  while (node->kind() == item || node->kind() == jit::prim::ListUnpack ||
         node->kind() == jit::prim::TupleUnpack || node->kind() == jit::prim::TupleIndex)
    node = node->input(0)->node();
  if (node->kind() != jit::prim::GetAttr) return std::nullopt;
  return node->s(jit::attr::name);
}

// Returns true for a call in another thread that writes to anything.
bool calls_with_writes(const jit::Node* node) {
  if (!node->hasAttribute(jit::attr::Subgraph)) return false;
  const auto graph = node->g(jit::attr::Subgraph)->copy();
  jit::Inline(*graph);
  bool writes = false;
  visit_nodes(static_cast<const jit::Graph&>(*graph).block(), [&](const jit::Node* inner) {
    writes |= inner->kind() == jit::prim::CallMethod || !changed_inputs(inner).empty() ||
              calls_with_writes(inner);
  });
  return writes;
}

// Calls `visit` once for each object in a module, also for those in lists and dictionaries.
template <typename Visitor>
void visit_objects(const IValue& module, const Visitor& visit) {
  std::set<const void*> visited;
  module.visit([&](const IValue& part) {
    if (!part.isObject()) return false;
    const auto object = part.toObject();
    if (!visited.insert(object.get()).second) return true;
    visit(object);
    return false;
  });
}

// Returns the storages of the tensors in attributes of these names.
std::set<const void*> storages_in(const IValue& module, const std::set<std::string>& names) {
  std::set<const void*> storages;
  visit_objects(module, [&](const c10::intrusive_ptr<c10::ivalue::Object>& object) {
    for (size_t slot = 0; slot < object->slots().size(); ++slot) {
      if (names.count(object->type()->getAttributeName(slot)) == 0) continue;
      object->getSlot(slot).visit([&](const IValue& part) {
        if (part.isTensor()) storages.insert(storage_of(part.toTensor()));
        return part.isObject();
      });
    }
  });
  return storages;
}

}  // namespace

IValue with_own_objects(const IValue& module) {
  return copied(module, [](const Tensor& tensor) { return tensor; });
}

SavedState::SavedState(const jit::Module& module, const std::vector<const jit::Graph*>& graphs)
    : module_(module) {
  for (const jit::Graph* graph : graphs) find_writes(*graph);
  add_aliases();
  written_storages_ = storages_in(module_._ivalue(), written_names_);
}

void SavedState::find_writes(const jit::Graph& graph) {
  visit_nodes(graph.block(), [&](const jit::Node* node) {
    for (const jit::Value* changed : changed_inputs(node)) find_write(graph, changed);
    if (node->kind() == jit::prim::SetAttr) {
      changed_names_.insert(node->s(jit::attr::name));
      find_alias(graph, node);
    }
    // Methods of interfaces and forked calls are not inlined, so their writes are not known.
    if (node->kind() == jit::prim::CallMethod || calls_with_writes(node))
      is_written_ = may_change_any_attribute_ = may_write_any_tensor_ = true;
  });
}

// Finds `self.state = self.initial`: a write to one is then a write to the other.
void SavedState::find_alias(const jit::Graph& graph, const jit::Node* set) {
  const jit::Value* value = set->input(1);
  const auto kind = value->type()->kind();
  const bool has_memory = kind != c10::TypeKind::IntType && kind != c10::TypeKind::FloatType &&
                          kind != c10::TypeKind::BoolType && kind != c10::TypeKind::StringType;
  const jit::Node* origin = has_memory ? origin_in_module(graph, value) : nullptr;
  if (origin) aliases_.emplace_back(set->s(jit::attr::name), attribute_with(origin));
}

// Adds the attributes whose memory an attribute that is written in place may have.
void SavedState::add_aliases() {
  for (size_t round = 0; round < aliases_.size(); ++round)
    for (const auto& [name, source] : aliases_) {
      if (written_names_.count(name) == 0) continue;
      if (source)
        written_names_.insert(*source);
      else
        may_write_any_tensor_ = true;
    }
}

void SavedState::find_write(const jit::Graph& graph, const jit::Value* changed) {
  const jit::Node* origin = origin_in_module(graph, changed);
  if (!origin) return;
  is_written_ = true;
  if (changed->type()->cast<c10::ClassType>()) return;
  const auto name = attribute_with(origin);
  const bool is_tensor = changed->type()->isSubtypeOf(*c10::TensorType::get());
  if (!name) {
    may_change_any_attribute_ = true;
    may_write_any_tensor_ |= is_tensor;
    return;
  }
  changed_names_.insert(*name);
  if (is_tensor) written_names_.insert(*name);
}

std::vector<AttributeSlot> SavedState::changed_attributes(const IValue& module) const {
  std::vector<AttributeSlot> attributes;
  visit_objects(module, [&](const c10::intrusive_ptr<c10::ivalue::Object>& object) {
    for (size_t slot = 0; slot < object->slots().size(); ++slot) {
      const bool may_change = may_change_any_attribute_ ||
                              changed_names_.count(object->type()->getAttributeName(slot)) > 0;
      if (may_change && !object->getSlot(slot).isObject()) attributes.push_back({object, slot});
    }
  });
  return attributes;
}

IValue SavedState::module() const {
  if (!is_written_) return module_._ivalue();
  return copied(module_._ivalue(), [this](const Tensor& tensor) {
    const bool may_be_written =
        may_write_any_tensor_ || written_storages_.count(storage_of(tensor)) > 0;
    return may_be_written ? tensor.clone() : tensor;
  });
}

}  // namespace torchstreamer::graph
