#include "blocks/method/counters.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "blocks/method/row_independence.h"

namespace torchstreamer::blocks {
namespace {

namespace jit = torch::jit;

// Finds the values that a value is computed from.
class Dependencies {
 public:
  explicit Dependencies(const jit::Value* value) { add(value); }

  bool contain(const jit::Value* value) const { return values_.count(value) > 0; }
  // True if one of them is read from the values of a tensor, such as x.max().
  bool are_measured() const { return are_measured_; }

 private:
  void add(const jit::Value* value) {
    if (!values_.insert(value).second) return;
    const jit::Node* node = value->node();
    are_measured_ |= reads_tensor(node);
    for (const jit::Value* input : node->inputs()) add(input);
    for (const jit::Block* block : node->blocks())
      for (const jit::Value* output : block->outputs()) add(output);
    const jit::Block* block = node->owningBlock();
    if (node->kind() == jit::prim::Param && block && block->owningNode())  // of a loop
      for (const jit::Value* input : block->owningNode()->inputs()) add(input);
  }

  std::set<const jit::Value*> values_;
  bool are_measured_ = false;
};

// How a number continues the argument.
enum class Continuation { kNone, kLimited, kCounted };

// Operator of two numbers whose result continues one of them.
struct Step {
  Continuation continuation;  // at least
  bool takes_either;          // operand; the first one only if false
};

const Step* step_of(const jit::Node* node) {
  static const std::map<std::string, Step> kSteps = {
      {"aten::add", {Continuation::kCounted, true}},
      {"aten::sub", {Continuation::kCounted, false}},
      {"prim::min", {Continuation::kLimited, true}},
      {"prim::max", {Continuation::kLimited, true}},
      {"aten::remainder", {Continuation::kLimited, false}},
      {"aten::fmod", {Continuation::kLimited, false}}};
  const auto step = kSteps.find(node->kind().toQualString());
  return step == kSteps.end() || node->inputs().size() != 2 ? nullptr : &step->second;
}

// The way from a number back to the argument that it continues.
class CounterChain {
 public:
  explicit CounterChain(const jit::Value* argument) : argument_(argument) {}

  // Returns how the value is the argument after additions, limits and remainders.
  Continuation of(const jit::Value* value) const {
    if (value == argument_) return Continuation::kLimited;
    const jit::Node* node = value->node();
    const auto kind = node->kind();
    if (kind == jit::prim::If) return of_branches(value);
    if (kind == jit::prim::unchecked_cast || kind == jit::prim::unchecked_unwrap_optional)
      return of(node->input(0));
    const Step* step = step_of(node);
    for (size_t i = 0; step && i < (step->takes_either ? 2 : 1); ++i) {
      const Continuation operand = of(node->input(i));
      if (operand != Continuation::kNone && !Dependencies(node->input(1 - i)).are_measured())
        return std::max(operand, step->continuation);
    }
    return Continuation::kNone;
  }

 private:
  // One branch may set a counter to a constant.
  Continuation of_branches(const jit::Value* value) const {
    Continuation of_any = Continuation::kNone;
    for (const jit::Block* block : value->node()->blocks()) {
      const jit::Value* result = block->outputs()[value->offset()];
      if (jit::toIValue(result)) continue;
      const Continuation of_branch = of(result);
      if (of_branch == Continuation::kNone) return of_branch;
      of_any = std::max(of_any, of_branch);
    }
    return of_any;
  }

  const jit::Value* argument_;
};

}  // namespace

bool counts_on(const jit::Value* number, const jit::Value* argument) {
  return CounterChain(argument).of(number) == Continuation::kCounted;
}

bool depends_on(const jit::Value* value, const jit::Value* argument) {
  return Dependencies(value).contain(argument);
}

}  // namespace torchstreamer::blocks
