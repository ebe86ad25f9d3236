#include "graph/plan/arithmetic.h"

#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace torchstreamer::graph {
namespace {

// Growth of the result of an operator, given numbers that are linear for each remainder of the
// length by the period.
enum class Growth {
  kLinear,    // the same period
  kQuotient,  // divided by the constant argument 1: a multiple of the period
  kProduct,   // multiplied by a constant, which may be a fraction
  kOrder,     // depends on the larger one of two numbers
  kEquality   // depends on the equality of two numbers
};

const std::map<std::string, Growth>& growths() {
  static const std::map<std::string, Growth> table = {
      {"aten::Float", Growth::kLinear},
      {"aten::Int", Growth::kLinear},
      {"aten::IntImplicit", Growth::kLinear},
      {"aten::ScalarImplicit", Growth::kLinear},
      {"aten::__not__", Growth::kLinear},
      {"aten::add", Growth::kLinear},
      {"aten::ceil", Growth::kLinear},
      {"aten::clone", Growth::kLinear},
      {"aten::detach", Growth::kLinear},
      {"aten::floor", Growth::kLinear},
      {"aten::len", Growth::kLinear},
      {"aten::neg", Growth::kLinear},
      {"aten::numel", Growth::kLinear},
      {"aten::rsub", Growth::kLinear},
      {"aten::sub", Growth::kLinear},
      {"aten::to", Growth::kLinear},
      {"prim::NumToTensor", Growth::kLinear},
      {"aten::div", Growth::kQuotient},
      {"aten::floor_divide", Growth::kQuotient},
      {"aten::floordiv", Growth::kQuotient},
      {"aten::fmod", Growth::kQuotient},
      {"aten::remainder", Growth::kQuotient},
      {"aten::mul", Growth::kProduct},
      {"aten::ge", Growth::kOrder},
      {"aten::gt", Growth::kOrder},
      {"aten::le", Growth::kOrder},
      {"aten::lt", Growth::kOrder},
      {"prim::max", Growth::kOrder},
      {"prim::min", Growth::kOrder},
      {"aten::Bool", Growth::kEquality},
      {"aten::eq", Growth::kEquality},
      {"aten::ne", Growth::kEquality},
  };
  return table;
}

// Returns nothing for an operator with other results.
std::optional<Growth> growth_of(const Node* node) {
  const auto row = growths().find(operator_name(node));
  if (row != growths().end()) return row->second;
  // `and` and `or`, as operators or as branches: their operands are booleans, too.
  static const std::set<std::string> logical = {"aten::__and__", "aten::__or__", "aten::__xor__",
                                                "prim::If"};
  const bool is_logical = logical.count(operator_name(node)) > 0 &&
                          node->output(0)->type()->isSubtypeOf(*c10::BoolType::get());
  return is_logical ? std::optional<Growth>(Growth::kLinear) : std::nullopt;
}

std::optional<double> number_in(const IValue& value) {
  if (value.isInt()) return static_cast<double>(value.toInt());
  if (value.isDouble()) return value.toDouble();
  if (value.isBool()) return value.toBool() ? 1 : 0;
  if (value.isTensor() && value.toTensor().defined() && value.toTensor().dim() == 0 &&
      !value.toTensor().is_complex())
    return value.toTensor().item<double>();
  return std::nullopt;
}

std::optional<double> constant_number(const Call& call, size_t i) {
  if (i >= call.args.size() || !call.args[i].constant()) return std::nullopt;
  return number_in(*call.args[i].constant());
}

// Returns the common period of all arguments.
int64_t period_of(const Call& call) {
  int64_t period = 1;
  for (const Value& arg : call.args) {
    if (const SymbolPtr* symbol = arg.symbol())
      period = common_period(period, (*symbol)->period_frames);
    else if (const Stream* stream = arg.stream())
      period = common_period(period, call.plan.period_frames(*stream));
    else if (!arg.constant())
      return 0;
  }
  return common_period(period, call.lengths.period_frames());
}

// Returns the denominator of a number that is a fraction of some power of two; 0 if it is not one.
int64_t denominator_of(double number) {
  for (int64_t denominator = 1; denominator <= 1024; denominator *= 2)
    if (std::rint(number * static_cast<double>(denominator)) ==
        number * static_cast<double>(denominator))
      return denominator;
  return 0;
}

int64_t quotient_period(const Call& call, int64_t period) {
  const auto divisor = constant_number(call, 1);
  constexpr double kMostDivisor = 1 << 20;
  if (!divisor || *divisor == 0 || std::abs(*divisor) > kMostDivisor ||
      denominator_of(*divisor) != 1)
    return 0;
  return period * std::abs(static_cast<int64_t>(*divisor));
}

int64_t product_period(const Call& call, int64_t period) {
  for (const size_t i : {0, 1})
    if (const auto factor = constant_number(call, i)) return period * denominator_of(*factor);
  return 0;
}

// Difference of the first two arguments; of the first one and 0 if it is the only one.
double difference_at(const Call& call, int64_t n) {
  auto number = [&](size_t i) {
    if (i >= call.args.size()) return 0.0;
    const SymbolPtr* symbol = call.args[i].symbol();
    return number_in(symbol ? (*symbol)->at(n) : *call.args[i].constant()).value();
  };
  return number(0) - number(1);
}

int sign(double x) { return x < 0 ? -1 : x > 0 ? 1 : 0; }

// Returns true if the difference of the arguments has the same sign for all long signals with the
// same remainder of the length. It is linear for each remainder.
bool has_one_sign(const Call& call, int64_t period, bool must_be_constant) {
  const int64_t first = call.lengths.shortest_frames(), far = first + (period << 20);
  for (int64_t i = 0; i < period; ++i) {
    const double near = difference_at(call, first + i), later = difference_at(call, far + i);
    if (must_be_constant ? near != later : sign(near) != sign(later)) return false;
  }
  return true;
}

}  // namespace

int64_t long_period_frames(const Symbol& symbol) {
  if (symbol.period_frames > 0 || !symbol.origin) return symbol.period_frames;
  const auto growth = growth_of(symbol.origin->node);
  if (!growth || growth == Growth::kQuotient || growth == Growth::kProduct) return 0;
  int64_t period = 1;
  for (const Value& arg : symbol.origin->args)
    if (const SymbolPtr* operand = arg.symbol())
      period = common_period(period, long_period_frames(**operand));
    else if (!arg.constant())
      return 0;
  return period;
}

int64_t arithmetic_period_frames(const Call& call) {
  const auto growth = growth_of(call.node);
  const int64_t period = growth ? period_of(call) : 0;
  if (period == 0) return 0;
  try {
    switch (*growth) {
      case Growth::kLinear:
        return period;
      case Growth::kQuotient:
        return common_period(quotient_period(call, period), 1);
      case Growth::kProduct:
        return common_period(product_period(call, period), 1);
      case Growth::kOrder:
        return has_one_sign(call, period, /*must_be_constant=*/false) ? period : 0;
      case Growth::kEquality:
        return has_one_sign(call, period, /*must_be_constant=*/true) ? period : 0;
    }
  } catch (const std::exception&) {  // an argument is not a number
  }
  return 0;
}

}  // namespace torchstreamer::graph
