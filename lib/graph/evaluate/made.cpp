#include "graph/evaluate/made.h"

#include <map>

#include "graph/plan/refusal.h"

namespace torchstreamer::graph {
namespace {

// Operators that make a tensor of a given size, or repeat one, with the index of the argument for
// the size.
const std::map<std::string, size_t>& makers() {
  static const std::map<std::string, size_t> table = {
      {"aten::arange", 0},   {"aten::expand", 1},   {"aten::full", 0},
      {"aten::new_full", 1}, {"aten::new_ones", 1}, {"aten::new_zeros", 1},
      {"aten::ones", 0},     {"aten::repeat", 1},   {"aten::zeros", 0},
  };
  return table;
}

// Returns true if the operator repeats a constant that has one entry along each axis that grows.
bool repeats_entry(const Origin& origin) {
  const IValue* constant = origin.args[0].constant();
  const ListPtr* sizes = origin.args[1].list();
  if (!constant || !constant->isTensor() || !sizes) return false;
  const Tensor& tensor = constant->toTensor();
  const int64_t new_axes = static_cast<int64_t>((*sizes)->size()) - tensor.dim();
  for (int64_t axis = 0; axis < tensor.dim(); ++axis)
    if ((**sizes)[axis + new_axes].symbol() && tensor.size(axis) != 1) return false;
  return true;
}

// Returns the symbol if one of these operators makes it. If it is a conversion of such a symbol to
// a different type, returns that symbol. Returns null for others.
const Symbol* made(const Symbol& symbol) {
  if (!symbol.origin) return nullptr;
  const Origin& origin = *symbol.origin;
  const std::string name = operator_name(origin.node);
  if (name == "aten::expand" || name == "aten::repeat")
    return repeats_entry(origin) ? &symbol : nullptr;
  if (makers().count(name) > 0) return &symbol;
  return name == "aten::to" && origin.args[0].symbol() ? made(**origin.args[0].symbol()) : nullptr;
}

// Returns true for arange(start, end, ...) and arange(start, end, 1, ...) with an integer start.
bool has_integer_start(const std::vector<Value>& args) {
  constexpr size_t kArgumentsWithStart = 6, kArgumentsWithStep = 7;
  const auto is_integer = [&](size_t i) {
    return args[i].constant() && args[i].constant()->isInt();
  };
  if (args.size() == kArgumentsWithStep)
    return is_integer(0) && is_integer(2) && args[2].constant()->toInt() == 1;
  return args.size() == kArgumentsWithStart && is_integer(0);
}

// Returns the number of entries of arange(end, ...) and arange(start, end, ...) with integers; null
// for other ranges.
SymbolPtr size_of_range(const Origin& range) {
  constexpr size_t kArgumentsWithoutStart = 5;
  const auto& args = range.args;
  if (args.size() == kArgumentsWithoutStart && args[0].symbol()) return *args[0].symbol();
  if (!has_integer_start(args) || !args[1].symbol()) return nullptr;
  const SymbolPtr end = *args[1].symbol();
  auto size = std::make_shared<Symbol>([end, start = args[0].constant()->toInt()](int64_t n) {
    return IValue(end->at(n).toInt() - start);
  });
  size->period_frames = end->period_frames;
  return size;
}

}  // namespace

bool is_made(const Symbol& symbol) { return made(symbol) != nullptr; }

SymbolPtr size_symbol(const Symbol& symbol, int axis) {
  const Symbol* source = made(symbol);
  if (!source) return nullptr;
  const std::string name = operator_name(source->origin->node);
  const Value& size = source->origin->args.at(makers().at(name));
  if (name == "aten::arange") return size_of_range(*source->origin);
  const ListPtr* sizes = size.list();
  if (!sizes || axis >= static_cast<int>((*sizes)->size())) return nullptr;
  return (**sizes)[axis].symbol() ? *(**sizes)[axis].symbol() : nullptr;
}

}  // namespace torchstreamer::graph
