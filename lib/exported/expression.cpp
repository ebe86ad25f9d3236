#include "exported/expression.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {

/// A number, a symbol, or a function of other terms.
struct Expression::Term {
  using Function = double (*)(const std::vector<double>& args);

  double number = 0;
  std::optional<size_t> symbol;
  Function function = nullptr;
  std::vector<Term> args;

  double at(const std::vector<double>& values) const {
    if (symbol) return values.at(*symbol);
    if (!function) return number;
    std::vector<double> results;
    for (const Term& arg : args) results.push_back(arg.at(values));
    return function(results);
  }
};

namespace {

using Term = Expression::Term;
using Args = const std::vector<double>&;

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
double power(Args a) { return std::pow(arg(a, 0), arg(a, 1)); }
double negative(Args a) { return -arg(a, 0); }
double same(Args a) { return arg(a, 0); }
double largest(Args a) { return a.empty() ? 0 : *std::max_element(a.begin(), a.end()); }
double smallest(Args a) { return a.empty() ? 0 : *std::min_element(a.begin(), a.end()); }
double equal(Args a) { return arg(a, 0) == arg(a, 1); }
double different(Args a) { return arg(a, 0) != arg(a, 1); }
double less(Args a) { return arg(a, 0) < arg(a, 1); }
double at_most(Args a) { return arg(a, 0) <= arg(a, 1); }
double greater(Args a) { return arg(a, 0) > arg(a, 1); }
double at_least(Args a) { return arg(a, 0) >= arg(a, 1); }
double inverse(Args a) { return arg(a, 0) == 0; }
double all(Args a) { return std::count(a.begin(), a.end(), 0) == 0; }
double any(Args a) { return std::count(a.begin(), a.end(), 0) < static_cast<int64_t>(a.size()); }
double rounded_down(Args a) { return std::floor(arg(a, 0)); }
double rounded_up(Args a) { return std::ceil(arg(a, 0)); }
double truncated(Args a) { return std::trunc(arg(a, 0)); }
double magnitude(Args a) { return std::abs(arg(a, 0)); }
double root(Args a) { return std::sqrt(arg(a, 0)); }

// Functions of Python, of torch, and of SymPy with torch/utils/_sympy/functions.py.
const std::map<std::string, Term::Function>& python_functions() {
  static const std::map<std::string, Term::Function> table = {
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

struct InfixOperator {
  const char* text;
  int precedence;
  Term::Function function;
};

// Longer operators come before those that they begin with.
constexpr InfixOperator kOperators[] = {
    {"==", 4, equal},    {"!=", 4, different},      {"<=", 4, at_most}, {">=", 4, at_least},
    {"<", 4, less},      {">", 4, greater},         {"+", 5, sum},      {"-", 5, difference},
    {"**", 8, power},    {"//", 6, floor_division}, {"/", 6, quotient}, {"*", 6, product},
    {"%", 6, remainder}, {"and ", 2, all},          {"or ", 1, any},
};
constexpr int kNot = 3, kComparison = 4, kUnaryMinus = 7;

class Parser {
 public:
  Parser(const std::string& text, std::vector<std::string>& symbols)
      : text_(text), symbols_(symbols) {}

  Term whole() {
    if (text_.size() > kMostCharacters) fail();
    const Term term = expression(1);
    if (at_ != text_.size()) fail();
    return term;
  }

 private:
  static constexpr int kMostDepth = 64;
  static constexpr size_t kMostCharacters = 1 << 13;

  [[noreturn]] void fail() const {
    throw Error("the expression '" + text_.substr(0, 200) + "' cannot be read");
  }

  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool accept(const std::string& token) {
    skip_blanks();
    if (text_.compare(at_, token.size(), token) != 0) return false;
    at_ += token.size();
    return true;
  }

  // Operators of at least this precedence; those of the same one from the left.
  Term expression(int precedence) {
    if (++depth_ > kMostDepth) fail();
    Term left = operand();
    bool is_comparison = false;
    while (const InfixOperator* next = next_operator(precedence)) {
      if (is_comparison && next->precedence == kComparison) fail();  // a < b < c
      is_comparison = next->precedence == kComparison;
      Term right = expression(next->precedence + (next->function == power ? 0 : 1));
      left = Term{0, {}, next->function, {std::move(left), std::move(right)}};
    }
    --depth_;
    return left;
  }

  const InfixOperator* next_operator(int precedence) {
    for (const InfixOperator& candidate : kOperators) {
      const size_t before = at_;
      if (!accept(candidate.text)) continue;
      if (candidate.precedence >= precedence) return &candidate;
      at_ = before;
      return nullptr;
    }
    return nullptr;
  }

  Term operand() {
    if (accept("not ")) return {0, {}, inverse, {expression(kNot)}};
    if (accept("-")) return {0, {}, negative, {expression(kUnaryMinus)}};
    if (accept("(")) {
      Term inner = expression(1);
      if (!accept(")")) fail();
      return inner;
    }
    skip_blanks();
    if (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) return number();
    return named();
  }

  Term number() {
    double value = 0;
    const char* const begin = text_.c_str() + at_;
    const auto [end, error] = std::from_chars(begin, text_.c_str() + text_.size(), value);
    if (error != std::errc()) fail();
    at_ += end - begin;
    return {value, {}, nullptr, {}};
  }

  std::string name() {
    const size_t begin = at_;
    auto belongs = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
    };
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    if (begin == at_) fail();
    return text_.substr(begin, at_ - begin);
  }

  Term named() {
    const std::string name = this->name();
    if (name == "True" || name == "False") return {name == "True" ? 1. : 0., {}, nullptr, {}};
    if (name == "L") return size();
    if (!accept("(")) return symbol(name);
    const std::string function = name.substr(name.rfind('.') + 1);
    if (function == "Symbol") return quoted_symbol();
    const auto known = python_functions().find(function);
    if (known == python_functions().end()) fail();
    return {0, {}, known->second, arguments()};
  }

  std::vector<Term> arguments() {
    std::vector<Term> args;
    if (accept(")")) return args;
    do args.push_back(expression(1));
    while (accept(","));
    if (!accept(")")) fail();
    return args;
  }

  // 's0', positive=True, integer=True)
  Term quoted_symbol() {
    if (!accept("'")) fail();
    const std::string name = this->name();
    const size_t end = text_.find(')', at_);
    if (end == std::string::npos) fail();
    at_ = end + 1;
    return symbol(name);
  }

  // ['x'].size()[2]
  Term size() {
    const std::string call = ".size()[";
    const size_t begin = at_, call_at = text_.find(call, at_);
    const size_t end = call_at == std::string::npos ? call_at : text_.find(']', call_at);
    if (end == std::string::npos) fail();
    if (text_.substr(begin, call_at - begin).find_first_of("(), ") != std::string::npos) fail();
    at_ = end + 1;
    return symbol("L" + text_.substr(begin, at_ - begin));
  }

  Term symbol(const std::string& name) {
    const auto known = std::find(symbols_.begin(), symbols_.end(), name);
    const size_t index = known - symbols_.begin();
    if (known == symbols_.end()) symbols_.push_back(name);
    return {0, index, nullptr, {}};
  }

  const std::string& text_;
  std::vector<std::string>& symbols_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Expression::Expression(const std::string& text)
    : term_(std::make_shared<const Term>(Parser(text, symbols_).whole())) {}

double Expression::at(const std::vector<double>& values) const { return term_->at(values); }

}  // namespace torchstreamer::exported
