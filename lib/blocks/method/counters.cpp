#include "blocks/method/counters.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <set>
#include <string>

namespace torchstreamer::blocks {
namespace {

namespace jit = torch::jit;

// The way from a number back to the argument that it continues.
class CounterChain {
 public:
  explicit CounterChain(const jit::Value* argument) : argument_(argument) {}

  // Returns true if the value is the argument after additions, limits and remainders.
  bool contains(const jit::Value* value) {
    if (value == argument_) return true;
    const jit::Node* node = value->node();
    const std::string name = node->kind().toQualString();
    if (node->kind() == jit::prim::If) return contains_branches(value);
    if (name == "prim::unchecked_cast" || name == "prim::unchecked_unwrap_optional")
      return contains(node->input(0));
    if (name == "prim::min" || name == "prim::max" || name == "aten::remainder" ||
        name == "aten::fmod")
      return !node->inputs().empty() && contains(node->input(0));
    if (name != "aten::add" && name != "aten::sub") return false;
    has_sum_ = true;
    return contains(node->input(0));
  }

  bool has_sum() const { return has_sum_; }

 private:
  // One branch may set a counter to a constant.
  bool contains_branches(const jit::Value* value) {
    bool is_any = false;
    for (const jit::Block* block : value->node()->blocks()) {
      const jit::Value* result = block->outputs()[value->offset()];
      if (jit::toIValue(result)) continue;
      if (!contains(result)) return false;
      is_any = true;
    }
    return is_any;
  }

  const jit::Value* argument_;
  bool has_sum_ = false;
};

// Finds the values that a value is computed from.
class Dependencies {
 public:
  explicit Dependencies(const jit::Value* value) { add(value); }

  bool contain(const jit::Value* value) const { return values_.count(value) > 0; }

 private:
  void add(const jit::Value* value) {
    if (!values_.insert(value).second) return;
    const jit::Node* node = value->node();
    for (const jit::Value* input : node->inputs()) add(input);
    for (const jit::Block* block : node->blocks())
      for (const jit::Value* output : block->outputs()) add(output);
    const jit::Block* block = node->owningBlock();
    if (node->kind() == jit::prim::Param && block && block->owningNode())  // of a loop
      for (const jit::Value* input : block->owningNode()->inputs()) add(input);
  }

  std::set<const jit::Value*> values_;
};

}  // namespace

bool counts_on(const jit::Value* number, const jit::Value* argument) {
  CounterChain chain(argument);
  return chain.contains(number) && chain.has_sum();
}

bool depends_on(const jit::Value* value, const jit::Value* argument) {
  return Dependencies(value).contain(argument);
}

}  // namespace torchstreamer::blocks
