#include "graph/evaluate/collections.h"

#include "graph/plan/operation.h"
#include "graph/plan/symbolic.h"
#include "support/axes.h"

namespace torchstreamer::graph {
namespace {

// Returns true if the operator changes the list that is its argument 0.
bool changes_list(const Node* node) {
  const auto* schema = node->maybeSchema();
  if (!schema || schema->arguments().empty()) return false;
  const auto* alias = schema->arguments()[0].alias_info();
  return alias && alias->isWrite();
}

// Lets libtorch change a list of constants, such as sort().
Results changed_by_libtorch(const Use& use, Items& items) {
  torch::jit::Stack stack;
  const auto values = use.heap.contents(use.operands);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].find<Stream>() || values[i].find<SymbolPtr>() || values[i].find<Poison>())
      use.refuse("the order of the list depends on the signal");
    stack.push_back(value_at(values[i], use.node->input(i)->type(), 0, nullptr));
  }
  const IValue list = stack[0];
  use.node->getOperation()(stack);
  items = **object_of(Value(list), use.node->input(0)->type()).items();
  return std::vector<Object>(use.node->outputs().size(), use.operands[0]);
}

}  // namespace

size_t Use::index(size_t operand, size_t size) const {
  const int64_t count = static_cast<int64_t>(size);
  const int64_t index = wrapped_index(integer(operand).value_or(0), count);
  if (index < 0 || index >= count) refuse("the index is out of range");
  return static_cast<size_t>(index);
}

std::optional<int64_t> Use::integer(size_t i) const {
  if (i >= operands.size() || operands[i].is_none()) return std::nullopt;
  return lengths.fixed_integer(heap.content(operands[i]), node, "the index");
}

Results collection_operation(const Use& use) {
  if (use.operands.empty()) return std::nullopt;
  Use own = use;
  if (own.operands.size() == 2 && operator_name(own.node) == "aten::mul" && own.operands[1].items())
    std::swap(own.operands[0], own.operands[1]);
  // A constant of the graph has no identity.
  if (own.operands[0].constant())
    own.operands[0] = object_of(*own.operands[0].value(), own.node->input(0)->type());
  if (const EntriesPtr* entries = own.operands[0].entries()) return dict_operation(own, **entries);
  const ItemsPtr* items = own.operands[0].items();
  if (!items) return std::nullopt;
  if (auto results = list_operation(own, **items)) return results;
  return changes_list(use.node) ? changed_by_libtorch(own, **items) : std::nullopt;
}

}  // namespace torchstreamer::graph
