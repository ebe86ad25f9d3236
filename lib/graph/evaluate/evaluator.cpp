#include "graph/evaluate/evaluator.h"

#include <torch/csrc/jit/ir/constants.h>

#include <set>

#include "graph/evaluate/choice.h"
#include "graph/evaluate/collections.h"
#include "graph/evaluate/statements.h"

namespace torchstreamer::graph {
namespace {

namespace prim = torch::jit::prim;
namespace aten = torch::jit::aten;
namespace attr = torch::jit::attr;

Object none() { return Object(Value(IValue())); }

bool is_poison(const Object& object) {
  if (const MemoryPtr* memory = object.memory()) return (*memory)->content.poison() != nullptr;
  return object.value() && object.value()->poison();
}

Object made_dict(const Node* node, const std::vector<Object>& operands) {
  auto entries = std::make_shared<Entries>();
  for (size_t i = 0; i + 1 < operands.size(); i += 2) {
    if (!operands[i].constant()) throw refusal(node, "a key depends on the signal");
    entries->set(*operands[i].constant(), operands[i + 1]);
  }
  return Object(entries);
}

// Returns an object of a class of the model, without its attributes.
Object made_object(const Node* node) {
  const auto type = node->output()->type()->expect<c10::ClassType>();
  return Object(Value(IValue(c10::ivalue::Object::create(
      c10::StrongTypePtr(type->compilation_unit(), type), type->numAttributes()))));
}

// Returns the different sizes of the constant tensors among the arguments, except 1.
std::vector<int64_t> sizes_of_constants(const std::vector<Value>& args) {
  std::set<int64_t> sizes;
  for (const Value& arg : args)
    if (const IValue* constant = arg.constant();
        constant && constant->isTensor() && constant->toTensor().defined())
      for (const int64_t size : constant->toTensor().sizes()) sizes.insert(size);
  sizes.erase(1);
  return {sizes.begin(), sizes.end()};
}

// `a is b`, if one of both is None.
std::optional<Object> compared_with_none(const Node* node, const std::vector<Object>& operands) {
  if (!operands[0].is_none() && !operands[1].is_none()) return std::nullopt;
  const bool is_same = operands[0].is_none() && operands[1].is_none();
  return Object(Value(IValue(is_same == (node->kind() == aten::__is__))));
}

}  // namespace

Evaluator::Evaluator(std::shared_ptr<torch::jit::Graph> graph, IValue module, Format source,
                     const std::vector<int64_t>& shape, Padding padding, Lengths lengths)
    : graph_(std::move(graph)),
      lengths_(std::move(lengths)),
      plan_(std::move(source), shape, padding, lengths_.sampled()),
      attributes_(module) {
  const auto inputs = graph_->inputs();
  objects_.emplace(inputs[0], Object(Value(std::move(module))));
  objects_.emplace(inputs[1], object_of(Value(plan_.signal()), inputs[1]->type()));
}

Returned Evaluator::run() {
  const auto outputs = block(graph_->block());
  if (outputs.size() != 1) throw Error("the model returns nothing");
  const auto* returned = graph_->outputs()[0];
  return {heap_.content(outputs[0]), returned->type(), returned->node()};
}

std::vector<Object> Evaluator::objects(c10::ArrayRef<torch::jit::Value*> values) const {
  std::vector<Object> objects;
  for (const auto* value : values) objects.push_back(objects_.at(value));
  return objects;
}

std::vector<Object> Evaluator::block(torch::jit::Block* block) {
  for (Node* node : block->nodes()) evaluate(node);
  return objects(block->outputs());
}

void Evaluator::evaluate(Node* node) {
  const auto made = results(node, objects(node->inputs()));
  for (const Object& object : made) is_poisoned_ |= is_poison(object);
  if (!is_poisoned_) ++progress_;
  for (size_t i = 0; i < node->outputs().size(); ++i)
    objects_.insert_or_assign(node->output(i), made.at(i));
}

std::vector<Object> Evaluator::results(Node* node, const std::vector<Object>& operands) {
  if (has_no_effect(node)) return std::vector<Object>(node->outputs().size(), none());
  if (node->kind() == prim::SetAttr) {
    if (!operands[0].constant()) throw refusal(node, "the object of the attribute is not known");
    attributes_.set(*operands[0].constant(), node->s(attr::name), operands[1]);
    return {};
  }
  if (auto object = constructed(node, operands)) return {*object};
  if (node->kind() == prim::If) return branch(node, operands[0]);
  if (node->kind() == prim::Loop) return loop(node, operands);
  if (node->kind() == prim::Enter || node->kind() == prim::Exit)
    return {enter_or_exit(node, operands[0])};
  if (auto results = collection_operation({node, operands, heap_, lengths_})) return *results;
  return operator_results(node, operands);
}

// Returns the object of a node that constructs one, such as a list; none for other nodes.
std::optional<Object> Evaluator::constructed(Node* node, const std::vector<Object>& operands) {
  switch (node->kind()) {
    case prim::Constant: {
      const IValue constant = *torch::jit::toIValue(node->output());
      return constant.isTensor() ? object_of(Value(constant), node->output()->type())
                                 : Object(Value(constant));
    }
    case prim::GetAttr:
      if (!operands[0].constant()) return std::nullopt;
      return attributes_.get(*operands[0].constant(), node->s(attr::name));
    case prim::ListConstruct:
    case prim::TupleConstruct:
      return Object(std::make_shared<Items>(operands));
    case prim::DictConstruct:
      return made_dict(node, operands);
    case prim::CreateObject:
      return made_object(node);
    case prim::Uninitialized:
      return Object(Value(Poison{refusal(node, "a value that was never set")}));
    case prim::RaiseException:
      throw refusal(node, "the model raises " + exception_text(node, lengths_.accepted()[0]));
    case aten::__is__:
    case aten::__isnot__:
      return compared_with_none(node, operands);
    case prim::unchecked_cast:
    case prim::unchecked_unwrap_optional:
    case aten::_unwrap_optional:
      return operands[0];
    default:
      return std::nullopt;
  }
}

// Returns Poison for an operator that is refused: the model is refused only if its output needs it.
std::vector<Object> Evaluator::operator_results(Node* node, const std::vector<Object>& operands) {
  try {
    if (!is_logical(node)) return heap_.compute(node, operands);
    std::vector<Object> conditions;
    for (const auto* input : node->inputs()) conditions.emplace_back(unfolded(input));
    return heap_.compute(node, conditions);
  } catch (const Refusal& e) {
    if (node->outputs().empty()) throw;
    if (!is_poisoned_) {
      refused_sizes_ = sizes_of_constants(heap_.contents(operands));
      is_shape_refused_ = dynamic_cast<const ShapeMismatch*>(&e) != nullptr;
    }
    std::vector<Object> poisons;
    for (const auto* output : node->outputs())
      poisons.push_back(object_of(Value(Poison{e}), output->type()));
    return poisons;
  }
}

}  // namespace torchstreamer::graph
