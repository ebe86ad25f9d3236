#include "graph/attention/block_operation.h"

namespace torchstreamer::graph {
namespace {

// Returns the value for a block. `from_end`: position of the value in its list, counted from the
// end, where the last item is 1; 0 outside of lists.
Value at_block(const Value& value, const std::vector<PairTable>& tables, const ScoreBlock& block,
               size_t from_end = 0) {
  if (const ScoresPtr* scores = value.scores()) return Value(IValue((*scores)->block(block)));
  if (const SymbolPtr* symbol = value.symbol()) {
    for (const PairTable& table : tables)
      if (table.symbol == *symbol)
        return Value(IValue(part(block.tables.at(symbol->get()), table, block)));
    return Value(IValue(from_end == 1 ? block.keys : block.queries));
  }
  const ListPtr* list = value.list();
  if (!list) return value;
  auto items = std::make_shared<std::vector<Value>>();
  for (size_t i = 0; i < (*list)->size(); ++i)
    items->push_back(at_block((**list)[i], tables, block, (*list)->size() - i));
  return Value(items);
}

}  // namespace

BlockOperation::BlockOperation(const Call& call) : operation_(call.node->getOperation()) {
  for (const auto* input : call.node->inputs()) types_.push_back(input->type());
}

Tensor BlockOperation::operator()(const std::vector<Value>& args,
                                  const std::vector<PairTable>& tables,
                                  const ScoreBlock& block) const {
  torch::jit::Stack stack;
  for (size_t i = 0; i < args.size(); ++i)
    stack.push_back(value_at(at_block(args[i], tables, block), types_[i], 0, nullptr));
  auto run = operation_;
  run(stack);
  return stack.front().toTensor();
}

}  // namespace torchstreamer::graph
