#include "graph/plan/symbolic.h"

#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>

#include "graph/plan/arithmetic.h"
#include "support/axes.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

bool is_heavy(const std::vector<Value>& args) {
  return std::any_of(args.begin(), args.end(), [](const Value& arg) {
    const SymbolPtr* symbol = arg.find<SymbolPtr>();
    return symbol && (*symbol)->is_heavy;
  });
}

// Number of elements of a tensor for the first and for the last of the short lengths; zeros for
// other values, and if the symbol fails for short lengths.
struct Elements {
  int64_t shorter = 0, longer = 0;

  /// Returns true for a large tensor that grows with the square of the length.
  bool are_heavy() const { return longer >= 1 << 8 && longer > 3 * shorter; }
  /// Returns true for a tensor that is too large to be computed for signals of `frames`.
  bool are_too_many(int64_t frames) const {
    constexpr int64_t kMostElements = 1 << 24;
    return longer > shorter && longer * (frames / kShortLengths.back()) > kMostElements;
  }
};

Elements elements_of(Symbol& symbol) {
  try {
    auto elements = [&](int64_t n) {
      const IValue value = symbol.at(n);
      return value.isTensor() ? value.toTensor().numel() : 0;
    };
    return {elements(kShortLengths[0]), elements(kShortLengths.back())};
  } catch (const std::exception&) {
    return {};  // a symbol that fails for short lengths is evaluated for long ones
  }
}

// Returns a tensor of the stream's shape that needs no memory.
Tensor placeholder(const Stream& stream, at::Device device, int64_t frames) {
  auto shape = stream.shape;
  shape[stream.axis] = frames;
  return at::zeros({}, at::TensorOptions(stream.dtype).device(device)).expand(shape);
}

torch::jit::Stack stack_of(const Plan& plan, const Node* node, const std::vector<Value>& args,
                           int64_t source_frames) {
  torch::jit::Stack stack;
  for (size_t i = 0; i < args.size(); ++i)
    stack.push_back(value_at(args[i], node->input(i)->type(), source_frames, [&](const Stream& s) {
      return placeholder(s, plan.source().device, plan.frames(s, source_frames));
    }));
  return stack;
}

std::vector<IValue> call_operator(const Node* node, torch::jit::Stack stack) {
  try {
    // Operators with any number of arguments, such as format(), take that number as the last one.
    const auto* schema = node->maybeSchema();
    if (schema && schema->is_vararg()) stack.emplace_back(static_cast<int64_t>(stack.size()));
    node->getOperation()(stack);
  } catch (const Error& e) {  // of a check, see trust/checked_operators.h
    throw refusal(node, e.what());
  } catch (const std::exception& e) {
    throw ShapeMismatch(refusal(node, reason_of(e)));
  }
  return {stack.begin(), stack.end()};
}

}  // namespace

std::vector<Value> run(const Call& call, int64_t source_frames) {
  std::vector<Value> results;
  for (IValue& result :
       call_operator(call.node, stack_of(call.plan, call.node, call.args, source_frames)))
    results.emplace_back(std::move(result));
  return results;
}

namespace {

// Returns the rules of the results. Several results are computed once, as a tuple.
std::vector<std::function<IValue(int64_t)>> result_rules(const Call& call) {
  auto results = [plan = &call.plan, node = call.node, args = call.args](int64_t n) {
    return call_operator(node, stack_of(*plan, node, args, n));
  };
  if (call.node->outputs().size() == 1) return {[results](int64_t n) { return results(n).at(0); }};
  const auto all = std::make_shared<Symbol>(
      [results](int64_t n) { return c10::ivalue::Tuple::create(results(n)); });
  std::vector<std::function<IValue(int64_t)>> rules;
  for (size_t i = 0; i < call.node->outputs().size(); ++i)
    rules.emplace_back([all, i](int64_t n) { return all->at(n).toTupleRef().elements()[i]; });
  return rules;
}

}  // namespace

std::vector<Value> symbolic(const Call& call) {
  const auto rules = result_rules(call);
  std::vector<Value> results;
  const int64_t period_frames = arithmetic_period_frames(call);
  for (size_t i = 0; i < call.node->outputs().size(); ++i) {
    auto symbol = std::make_shared<Symbol>(
        rules[i], std::make_shared<Origin>(Origin{call.node, call.args, i}));
    symbol->period_frames = period_frames;
    const Elements elements = period_frames > 0 ? Elements() : elements_of(*symbol);
    symbol->is_heavy = is_heavy(call.args) || elements.are_heavy();
    const bool is_large =
        !symbol->is_heavy && elements.are_too_many(call.lengths.shortest_frames());
    results.push_back(is_large ? Value(symbol) : call.lengths.folded(symbol, call.node));
  }
  return results;
}

std::vector<Value> size(const Call& call) {
  const Stream stream = call.stream(0);
  auto extent = [&](int64_t d) {
    if (d != stream.axis) return Value(IValue(stream.shape.at(d)));
    auto frames = std::make_shared<Symbol>(
        [plan = &call.plan, stream](int64_t n) { return IValue(plan->frames(stream, n)); });
    frames->period_frames =
        common_period(call.plan.period_frames(stream), call.lengths.period_frames());
    return Value(frames);
  };
  const int64_t rank = static_cast<int64_t>(stream.shape.size());
  if (call.args.size() > 1) {
    const int64_t d = call.lengths.fixed_integer(call.args[1], call.node, "the axis");
    if (d < -rank || d >= rank)
      call.refuse_shape(
          c10::str("it reads the size of axis ", d, " of a tensor with ", rank, " axes"));
    return {extent(wrapped_index(d, rank))};
  }
  auto all = std::make_shared<std::vector<Value>>();
  for (int64_t d = 0; d < rank; ++d) all->push_back(extent(d));
  return {Value(all)};
}

}  // namespace torchstreamer::graph
