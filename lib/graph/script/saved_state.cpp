#include "graph/script/saved_state.h"

#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "graph/script/aliases.h"
#include "graph/script/module_copy.h"
#include "graph/script/visit_nodes.h"
#include "support/shared_storages.h"

namespace torchstreamer::graph {
namespace {

using c10::IValue;
namespace jit = torch::jit;

// Returns true for a node whose results are its inputs, parts of them, or contain them.
bool passes_inputs(const jit::Node* node) {
  static const std::set<std::string> kNames = {
      "prim::ListConstruct",  "prim::DictConstruct",
      "prim::TupleConstruct", "prim::ListUnpack",
      "prim::TupleUnpack",    "prim::TupleIndex",
      "prim::unchecked_cast", "prim::unchecked_unwrap_optional",
      "aten::__getitem__"};
  return may_return_argument(node) || kNames.count(node->kind().toQualString()) > 0;
}

// Returns false for numbers and texts.
bool has_memory(const jit::Value* value) {
  const auto kind = value->type()->kind();
  return kind != c10::TypeKind::IntType && kind != c10::TypeKind::FloatType &&
         kind != c10::TypeKind::BoolType && kind != c10::TypeKind::StringType &&
         kind != c10::TypeKind::NoneType;
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

// Finds the nodes by which a call gets the memory of a value from the module, such as GetAttr.
class Origins {
 public:
  Origins(const jit::Graph& graph, const jit::Value* value) : graph_(graph) { add(value); }

  std::set<const jit::Node*> take() { return std::move(nodes_); }

 private:
  void add(const jit::Value* value) {
    if (!visited_.insert(value).second) return;
    add_items(value);
    const jit::Node* node = value->node();
    if (node == graph_.param_node()) {
      if (value == graph_.inputs()[0]) nodes_.insert(node);
    } else if (node->kind() == jit::prim::Param) {
      add_carried(value);
    } else if (node->kind() == jit::prim::If || node->kind() == jit::prim::Loop) {
      add_results(value);
    } else if (passes_inputs(node)) {
      for (const jit::Value* input : node->inputs()) add(input);
    } else if (node->kind() != jit::prim::Constant && node->kind() != jit::prim::CreateObject) {
      add_operator(value);
    }
  }

  // A parameter of the block of a loop: its value is that of the first round or of the previous
  // round.
  void add_carried(const jit::Value* value) {
    const jit::Block* block = value->node()->owningBlock();
    const jit::Node* loop = block->owningNode();
    if (value->offset() == 0) return;  // the number of the round
    add(loop->input(value->offset() + 1));
    add(block->outputs()[value->offset()]);
  }

  void add_results(const jit::Value* value) {
    const jit::Node* node = value->node();
    const bool is_loop = node->kind() == jit::prim::Loop;
    for (const jit::Block* block : node->blocks())
      add(block->outputs()[value->offset() + (is_loop ? 1 : 0)]);
    if (is_loop) add(node->input(value->offset() + 2));
  }

  void add_operator(const jit::Value* value) {
    const jit::Node* node = value->node();
    const auto* schema = node->maybeSchema();
    if (!schema || value->offset() >= schema->returns().size()) {
      nodes_.insert(node);
    } else if (schema->returns()[value->offset()].alias_info()) {
      for (const jit::Value* input : node->inputs())
        if (has_memory(input)) add(input);
    } else if (!node->kind().is_aten()) {
      nodes_.insert(node);
    }
  }

  // The items that a list or a dictionary gets later, as by append().
  void add_items(const jit::Value* list) {
    const auto kind = list->type()->kind();
    if (kind != c10::TypeKind::ListType && kind != c10::TypeKind::DictType) return;
    for (const jit::Use& use : list->uses())
      for (const jit::Value* changed : changed_inputs(use.user))
        for (const jit::Value* item : use.user->inputs())
          if (changed == list && item != list && has_memory(item)) add(item);
  }

  const jit::Graph& graph_;
  std::set<const jit::Node*> nodes_;
  std::set<const jit::Value*> visited_;
};

// Returns the nodes by which a call gets the memory of `value` from the module; none if the call
// makes it itself.
std::set<const jit::Node*> origins_of(const jit::Graph& graph, const jit::Value* value) {
  return Origins(graph, value).take();
}

// Returns the name of the attribute that the node reads; none if it is not known.
std::optional<std::string> attribute_of(const jit::Node* node) {
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
    for (const jit::Value* changed : changed_inputs(node)) find_write(graph, node, changed);
    if (node->kind() == jit::prim::SetAttr)
      add_alias(graph, node->s(jit::attr::name), node->input(1));
    // Methods of interfaces and forked calls are not inlined, so their writes are not known.
    if (node->kind() == jit::prim::CallMethod || calls_with_writes(node))
      is_written_ = may_write_any_tensor_ = true;
  });
}

// Records that an attribute gets the memory of `value`, as by `self.state = self.initial`: a write
// to one is then a write to the other.
void SavedState::add_alias(const jit::Graph& graph, const std::string& name,
                           const jit::Value* value) {
  if (!has_memory(value)) return;
  for (const jit::Node* origin : origins_of(graph, value))
    aliases_.emplace_back(name, attribute_of(origin));
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

void SavedState::find_write(const jit::Graph& graph, const jit::Node* node,
                            const jit::Value* changed) {
  const bool is_object = changed->type()->cast<c10::ClassType>() != nullptr;
  const bool is_tensor = changed->type()->isSubtypeOf(*c10::TensorType::get());
  for (const jit::Node* origin : origins_of(graph, changed)) {
    is_written_ = true;
    if (is_object) continue;
    const auto name = attribute_of(origin);
    if (!name) {
      may_write_any_tensor_ |= is_tensor;
      continue;
    }
    if (is_tensor) written_names_.insert(*name);
    if (is_tensor) continue;
    for (const jit::Value* item : node->inputs())  // the list gets the memory of the item
      if (item != changed) add_alias(graph, *name, item);
  }
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
