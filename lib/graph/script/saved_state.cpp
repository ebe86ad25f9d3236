#include "graph/script/saved_state.h"

#include <torch/csrc/jit/ir/ir.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

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

// Returns true if the node changes its first input.
bool changes_input(const jit::Node* node) {
  if (node->kind() == jit::prim::SetAttr) return true;
  const auto* schema = node->maybeSchema();
  if (!schema || schema->arguments().empty()) return false;
  const auto* alias = schema->arguments()[0].alias_info();
  return alias && alias->isWrite();
}

void visit_nodes(const jit::Block* block, const std::function<void(const jit::Node*)>& visit) {
  for (const jit::Node* node : block->nodes()) {
    visit(node);
    for (const jit::Block* inner : node->blocks()) visit_nodes(inner, visit);
  }
}

// Adds the tensors of attributes of these names to `tensors`. `objects`: those that were visited.
void collect_tensors(const IValue& module, const std::set<std::string>& names,
                     std::set<const void*>& objects, std::set<const void*>& tensors) {
  const auto& object = module.toObjectRef();
  if (!objects.insert(&object).second) return;
  for (size_t slot = 0; slot < object.slots().size(); ++slot) {
    const IValue value = object.getSlot(slot);
    if (value.isObject()) collect_tensors(value, names, objects, tensors);
    if (value.isTensor() && names.count(object.type()->getAttributeName(slot)) > 0)
      tensors.insert(value.toTensor().unsafeGetTensorImpl());
  }
}

// Copies modules, lists and dictionaries at any depth, with some or all of their tensors.
class StateCopy {
 public:
  using IsCopied = std::function<bool(const at::Tensor&)>;
  explicit StateCopy(IsCopied is_copied) : is_copied_(std::move(is_copied)) {}

  IValue operator()(const IValue& value) {
    if (value.isObject()) return copied_object(value);
    if (value.isTensor()) return copied_tensor(value);
    if (value.isTuple()) return copied_tuple(value);
    if (value.isList()) {
      auto list = value.toList().copy();
      for (size_t i = 0; i < list.size(); ++i) list.set(i, (*this)(list.get(i)));
      return list;
    }
    if (value.isGenericDict()) {
      auto dict = value.toGenericDict().copy();
      for (const auto& entry : value.toGenericDict())
        dict.insert_or_assign(entry.key(), (*this)(entry.value()));
      return dict;
    }
    return value;
  }

 private:
  IValue copied_object(const IValue& value) {
    const auto object = value.toObject();
    const auto known = known_.find(object.get());
    if (known != known_.end()) return known->second;
    const auto copy = object->copy();
    known_.emplace(object.get(), copy);
    for (size_t slot = 0; slot < object->slots().size(); ++slot)
      copy->setSlot(slot, (*this)(object->getSlot(slot)));
    return copy;
  }

  // Copies of attributes that share a tensor share its copy.
  IValue copied_tensor(const IValue& value) {
    const at::Tensor& tensor = value.toTensor();
    if (!tensor.defined() || !is_copied_(tensor)) return value;
    const auto known = known_.find(tensor.unsafeGetTensorImpl());
    if (known != known_.end()) return known->second;
    return known_.emplace(tensor.unsafeGetTensorImpl(), tensor.clone()).first->second;
  }

  IValue copied_tuple(const IValue& value) {
    std::vector<IValue> elements;
    for (const IValue& element : value.toTupleRef().elements())
      elements.push_back((*this)(element));
    return c10::ivalue::Tuple::createNamed(std::move(elements), value.toTupleRef().type());
  }

  IsCopied is_copied_;
  std::map<const void*, IValue> known_;
};

}  // namespace

IValue with_own_objects(const IValue& module) {
  return StateCopy([](const at::Tensor&) { return false; })(module);
}

SavedState::SavedState(jit::Module module, const jit::Graph& graph) : module_(std::move(module)) {
  std::set<std::string> names;
  visit_nodes(graph.block(), [&](const jit::Node* node) {
    if (!changes_input(node)) return;
    const jit::Node* origin = origin_in_module(graph, node->input(0));
    if (!origin) return;
    is_written_ = true;
    if (!node->input(0)->type()->isSubtypeOf(*c10::TensorType::get())) return;
    if (origin->kind() == jit::prim::GetAttr)
      names.insert(origin->s(jit::attr::name));
    else
      may_write_any_tensor_ = true;
  });
  std::set<const void*> objects;
  collect_tensors(module_._ivalue(), names, objects, written_tensors_);
}

IValue SavedState::module() const {
  if (!is_written_) return module_._ivalue();
  const auto is_copied = [this](const at::Tensor& tensor) {
    return may_write_any_tensor_ || written_tensors_.count(tensor.unsafeGetTensorImpl()) > 0;
  };
  return StateCopy(is_copied)(module_._ivalue());
}

}  // namespace torchstreamer::graph
