// Values and decisions that depend on the length of the signal.
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <array>

#include "graph/plan/formula.h"
#include "graph/plan/planner.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

constexpr int64_t kFarSamples = 2;
// A model that takes every 256th length only still is one.
constexpr size_t kFewestLengths = 5;

// Where values that grow with the square of the length are tried.
constexpr std::array<int64_t, 8> kShortLengths = {256, 257, 258, 259, 260, 320, 384, 512};

bool is_heavy(const std::vector<Value>& args) {
  return std::any_of(args.begin(), args.end(), [](const Value& arg) {
    const SymbolPtr* symbol = arg.find<SymbolPtr>();
    return symbol && (*symbol)->is_heavy;
  });
}

// Whether it is a tensor that grows with the square of the length, and not slowly.
bool is_large(Symbol& symbol) {
  try {
    auto elements = [&](int64_t n) {
      const IValue value = symbol.at(n);
      return value.isTensor() ? value.toTensor().numel() : 0;
    };
    const int64_t shorter = elements(kShortLengths[0]), longer = elements(kShortLengths.back());
    return longer >= 1 << 8 && longer > 3 * shorter;
  } catch (const std::exception&) {
    return false;  // it is tried at long lengths
  }
}

// A tensor of the stream's shape that costs no memory.
Tensor placeholder(const Stream& stream, at::Device device, int64_t frames) {
  auto shape = stream.shape;
  shape[stream.axis] = frames;
  return at::zeros({}, at::TensorOptions(stream.dtype).device(device)).expand(shape);
}

bool is_same_value(const IValue& a, const IValue& b) {
  if (a.isTensor() != b.isTensor() || a.isNone() != b.isNone()) return false;
  if (a.isNone()) return true;
  if (!a.isTensor()) return a == b;
  const Tensor &x = a.toTensor(), &y = b.toTensor();
  return x.scalar_type() == y.scalar_type() && x.sizes() == y.sizes() && x.equal(y);
}

// Whether it is worth looking for a constant: tensors that grow are none.
bool may_be_constant(const IValue& first) {
  if (!first.isTensor())
    return first.isInt() || first.isDouble() || first.isBool() || first.isNone();
  return first.toTensor().numel() <= 4096;
}

std::vector<IValue> call_operator(const Node* node, torch::jit::Stack stack) {
  try {
    // What takes any number of arguments, as format() does, wants to know how many they are.
    const auto* schema = node->maybeSchema();
    if (schema && schema->is_vararg()) stack.emplace_back(static_cast<int64_t>(stack.size()));
    node->getOperation()(stack);
  } catch (const std::exception& e) {
    throw refusal(node, reason_of(e));
  }
  return {stack.begin(), stack.end()};
}

}  // namespace

const std::vector<int64_t>& Planner::sampled_lengths() {
  static const std::vector<int64_t> lengths = [] {
    std::vector<int64_t> all;
    for (int64_t n = 1 << 13; n < (1 << 13) + 1400; ++n) all.push_back(n);
    for (int64_t i = 0; i < kFarSamples; ++i) all.push_back(102399 + i);
    return all;
  }();
  return lengths;
}

// An operator whose result is a constant.
std::vector<Value> Planner::run(Node* node, const std::vector<Value>& args, int64_t source_frames) {
  std::vector<Value> results;
  for (IValue& result : call_operator(node, stack_of(node, args, source_frames)))
    results.emplace_back(std::move(result));
  return results;
}

torch::jit::Stack Planner::stack_of(Node* node, const std::vector<Value>& args,
                                    int64_t source_frames) const {
  torch::jit::Stack stack;
  for (size_t i = 0; i < args.size(); ++i)
    stack.push_back(value_at(args[i], node->input(i)->type(), source_frames, [&](const Stream& s) {
      return placeholder(s, device_, frames(s, source_frames));
    }));
  return stack;
}

std::vector<Value> Planner::symbolic(Node* node, const std::vector<Value>& args) {
  auto run = std::make_shared<Symbol>([this, node, args](int64_t n) {
    return c10::ivalue::Tuple::create(call_operator(node, stack_of(node, args, n)));
  });
  std::vector<Value> results;
  for (size_t i = 0; i < node->outputs().size(); ++i) {
    auto symbol = std::make_shared<Symbol>(
        [run, i](int64_t n) { return run->at(n).toTupleRef().elements()[i]; },
        std::make_shared<Origin>(Origin{node, args, i}));
    symbol->is_heavy = is_heavy(args) || is_large(*symbol);
    results.push_back(folded(symbol, node));
  }
  return results;
}

std::vector<Value> Planner::size(const Node* node, const std::vector<Value>& args) {
  const Stream stream = *args[0].stream();
  auto extent = [&](int64_t d) {
    if (d != stream.axis) return Value(IValue(stream.shape.at(d)));
    return Value(
        std::make_shared<Symbol>([this, stream](int64_t n) { return IValue(frames(stream, n)); }));
  };
  const int64_t rank = static_cast<int64_t>(stream.shape.size());
  if (args.size() > 1) {
    const int64_t d = fixed_integer(args[1], node, "the axis");
    return {extent(d < 0 ? d + rank : d)};
  }
  auto all = std::make_shared<std::vector<Value>>();
  for (int64_t d = 0; d < rank; ++d) all->push_back(extent(d));
  return {Value(all)};
}

// The lengths at which a symbol is tried. Of a heavy one there are few and short ones, among them
// some that the model may refuse.
std::vector<std::pair<int64_t, IValue>> Planner::samples(const SymbolPtr& symbol) const {
  std::vector<std::pair<int64_t, IValue>> values;
  if (!symbol->is_heavy) {
    for (const int64_t n : lengths_) values.emplace_back(n, symbol->at(n));
    return values;
  }
  for (const int64_t n : kShortLengths) try {
      values.emplace_back(n, symbol->at(n));
    } catch (const std::exception&) {
    }
  if (values.empty()) throw Error("a value that depends on the length cannot be computed");
  return values;
}

// A constant where every sampled length gives the same value.
Value Planner::folded(SymbolPtr symbol, const Node* node) {
  const int64_t first_length = symbol->is_heavy ? kShortLengths[0] : lengths_[0];
  IValue first;
  try {
    first = symbol->at(first_length);
    if (!may_be_constant(first)) return Value(symbol);
    for (const auto& [n, value] : samples(symbol))
      if (!is_same_value(value, first)) return Value(symbol);
  } catch (const std::exception&) {
    if (symbol->is_heavy) return Value(symbol);
    throw;
  }
  expect(symbol, first, node);
  return Value(first);
}

int64_t Planner::fixed_integer(const Value& value, const Node* node, const std::string& what) {
  if (const IValue* constant = value.constant()) return constant->toInt();
  const SymbolPtr* symbol = value.symbol();
  if (!symbol) throw refusal(node, what + " is computed from the signal");
  const auto values = samples(*symbol);
  for (const auto& [n, at] : values)
    if (at != values[0].second) throw refusal(node, what + " depends on the length of the signal");
  expect(*symbol, values[0].second, node);
  return values[0].second.toInt();
}

LengthRule Planner::formula(LengthRule rule, const Node* node, const std::string& what,
                            std::function<int64_t(int64_t, int64_t)> effect) {
  std::vector<int64_t> values;
  for (const int64_t n : sampled_lengths()) values.push_back(rule(n));
  // The last samples lie far from the run of neighbours: they confirm.
  const std::vector<int64_t> run(values.begin(), values.end() - kFarSamples);
  const auto fitted = Formula::fit(sampled_lengths()[0], run);
  for (size_t i = run.size(); i < values.size(); ++i)
    if (!fitted || fitted->at(sampled_lengths()[i]) != values[i])
      throw refusal(node, what + " follows no formula of the length of the signal");
  if (!effect) effect = [](int64_t, int64_t frames) { return frames; };
  guard([=](int64_t n) { return effect(n, rule(n)) == effect(n, fitted->at(n)); }, node);
  return fitted->rule();
}

void Planner::expect(SymbolPtr symbol, const IValue& value, const Node* node) {
  guard(
      [symbol, value](int64_t n) {
        return (symbol->is_heavy && n > kShortLengths.back()) ||
               is_same_value(symbol->at(n), value);
      },
      node);
}

void Planner::guard(std::function<bool(int64_t)> holds, const Node* node,
                    const std::string& violation) {
  guards_.push_back({std::move(holds), refusal(node, violation).place() + ": " + violation});
}

void Planner::require(const std::function<bool(int64_t)>& holds, const Node* node,
                      const std::string& violation) {
  std::vector<int64_t> kept;
  std::copy_if(lengths_.begin(), lengths_.end(), std::back_inserter(kept), holds);
  if (kept.size() < kFewestLengths) throw refusal(node, violation);
  lengths_ = std::move(kept);
  guard(holds, node, violation);
}

}  // namespace torchstreamer::graph
