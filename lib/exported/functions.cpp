#include "exported/functions.h"

#include <algorithm>
#include <cmath>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

double arg(Args a, size_t i) {
  return i < a.size() ? a[i] : throw Error("a function of an expression has too few arguments");
}

double sum(Args a) {
  double total = 0;
  for (const double x : a) total += x;
  return total;
}

double product(Args a) {
  double total = 1;
  for (const double x : a) total *= x;
  return total;
}

double floor_division(Args a) { return std::floor(arg(a, 0) / arg(a, 1)); }
double difference(Args a) { return arg(a, 0) - arg(a, 1); }
double quotient(Args a) { return arg(a, 0) / arg(a, 1); }
double remainder(Args a) { return arg(a, 0) - arg(a, 1) * std::floor(arg(a, 0) / arg(a, 1)); }
double same(Args a) { return arg(a, 0); }
double largest(Args a) { return a.empty() ? 0 : *std::max_element(a.begin(), a.end()); }
double smallest(Args a) { return a.empty() ? 0 : *std::min_element(a.begin(), a.end()); }
double different(Args a) { return arg(a, 0) != arg(a, 1); }
double less(Args a) { return arg(a, 0) < arg(a, 1); }
double at_most(Args a) { return arg(a, 0) <= arg(a, 1); }
double greater(Args a) { return arg(a, 0) > arg(a, 1); }
double at_least(Args a) { return arg(a, 0) >= arg(a, 1); }
double all(Args a) { return std::count(a.begin(), a.end(), 0) == 0; }
double any(Args a) { return std::count(a.begin(), a.end(), 0) < static_cast<int64_t>(a.size()); }
double rounded_down(Args a) { return std::floor(arg(a, 0)); }
double rounded_up(Args a) { return std::ceil(arg(a, 0)); }
double truncated(Args a) { return std::trunc(arg(a, 0)); }
double magnitude(Args a) { return std::abs(arg(a, 0)); }
double root(Args a) { return std::sqrt(arg(a, 0)); }

}  // namespace

double equal(Args a) { return arg(a, 0) == arg(a, 1); }
double power(Args a) { return std::pow(arg(a, 0), arg(a, 1)); }
double negative(Args a) { return -arg(a, 0); }
double inverse(Args a) { return arg(a, 0) == 0; }

// Functions of Python, of torch, and of SymPy with torch/utils/_sympy/functions.py.
const std::map<std::string, Function>& python_functions() {
  static const std::map<std::string, Function> table = {
      {"Abs", magnitude},
      {"Add", sum},
      {"And", all},
      {"CeilToInt", rounded_up},
      {"CleanDiv", floor_division},
      {"Eq", equal},
      {"Equality", equal},
      {"FloatTrueDiv", quotient},
      {"FloorDiv", floor_division},
      {"FloorToInt", rounded_down},
      {"Ge", at_least},
      {"GreaterThan", at_least},
      {"Gt", greater},
      {"IntTrueDiv", quotient},
      {"Integer", same},
      {"Le", at_most},
      {"LessThan", at_most},
      {"Lt", less},
      {"Max", largest},
      {"Min", smallest},
      {"Mod", remainder},
      {"Mul", product},
      {"Ne", different},
      {"Not", inverse},
      {"Or", any},
      {"Pow", power},
      {"PowByNatural", power},
      {"PythonMod", remainder},
      {"Rational", quotient},
      {"StrictGreaterThan", greater},
      {"StrictLessThan", less},
      {"ToFloat", same},
      {"TruncToInt", truncated},
      {"Unequality", different},
      {"abs", magnitude},
      {"ceil", rounded_up},
      {"ceiling", rounded_up},
      {"float", same},
      {"floor", rounded_down},
      {"int", truncated},
      {"max", largest},
      {"min", smallest},
      {"sqrt", root},
      {"sym_float", same},
      {"sym_int", truncated},
      {"sym_max", largest},
      {"sym_min", smallest},
      {"sym_not", inverse},
      {"sym_sqrt", root},
      {"trunc", truncated},
  };
  return table;
}

const std::vector<InfixOperator>& infix_operators() {
  static const std::vector<InfixOperator> operators = {
      {"==", 4, equal},    {"!=", 4, different},      {"<=", 4, at_most}, {">=", 4, at_least},
      {"<", 4, less},      {">", 4, greater},         {"+", 5, sum},      {"-", 5, difference},
      {"**", 8, power},    {"//", 6, floor_division}, {"/", 6, quotient}, {"*", 6, product},
      {"%", 6, remainder}, {"and ", 2, all},          {"or ", 1, any},
  };
  return operators;
}

}  // namespace torchstreamer::exported
