#include "exported/expression.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

using Term = Expression::Term;

constexpr int kNot = 3, kComparison = 4, kUnaryMinus = 7;
// Largest number of results that wait for their function.
constexpr size_t kMostResults = 256;

class Parser {
 public:
  Parser(const std::string& text, std::vector<std::string>& symbols, std::vector<Term>& terms)
      : text_(text), symbols_(symbols), terms_(terms) {}

  void parse() {
    if (text_.size() > kMostCharacters) fail();
    expression(1);
    if (at_ != text_.size()) fail();
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

  void add(const Term& operand) {
    if (++results_ > kMostResults) fail();
    terms_.push_back(operand);
  }

  // Adds a function of the last `args` results. A function of constants becomes a constant.
  void add_function(Function function, size_t args) {
    results_ -= args;
    const auto begin = terms_.end() - static_cast<std::ptrdiff_t>(args);
    const bool is_constant = args > 0 && std::all_of(begin, terms_.end(), [](const Term& term) {
                               return !term.symbol && !term.function;
                             });
    if (!is_constant) return add({0, {}, function, args});
    std::vector<double> numbers;
    for (auto term = begin; term != terms_.end(); ++term) numbers.push_back(term->number);
    terms_.erase(begin, terms_.end());
    add({function({numbers.data(), args}), {}, nullptr, 0});
  }

  // Operators of at least this precedence; those of the same one from the left.
  void expression(int precedence) {
    if (++depth_ > kMostDepth) fail();
    operand();
    bool is_comparison = false;
    while (const InfixOperator* next = next_operator(precedence)) {
      if (is_comparison && next->precedence == kComparison) fail();  // a < b < c
      is_comparison = next->precedence == kComparison;
      expression(next->precedence + (next->function == power ? 0 : 1));
      add_function(next->function, 2);
    }
    --depth_;
  }

  const InfixOperator* next_operator(int precedence) {
    for (const InfixOperator& candidate : infix_operators()) {
      const size_t before = at_;
      if (!accept(candidate.text)) continue;
      if (candidate.precedence >= precedence) return &candidate;
      at_ = before;
      return nullptr;
    }
    return nullptr;
  }

  void operand() {
    if (accept("not ")) return function_of(inverse, kNot);
    if (accept("-")) return function_of(negative, kUnaryMinus);
    if (accept("(")) {
      expression(1);
      if (!accept(")")) fail();
      return;
    }
    skip_blanks();
    if (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) return number();
    named();
  }

  void function_of(Function function, int precedence) {
    expression(precedence);
    add_function(function, 1);
  }

  void number() {
    double value = 0;
    const char* const begin = text_.c_str() + at_;
    const auto [end, error] = std::from_chars(begin, text_.c_str() + text_.size(), value);
    if (error != std::errc()) fail();
    at_ += end - begin;
    add({value, {}, nullptr, 0});
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

  void named() {
    const std::string name = this->name();
    if (name == "True" || name == "False") return add({name == "True" ? 1. : 0., {}, nullptr, 0});
    if (name == "L") return size();
    if (!accept("(")) return symbol(name);
    const std::string function = name.substr(name.rfind('.') + 1);
    if (function == "Symbol") return quoted_symbol();
    const auto known = python_functions().find(function);
    if (known == python_functions().end()) fail();
    add_function(known->second, arguments());
  }

  // Returns the number of arguments.
  size_t arguments() {
    if (accept(")")) return 0;
    size_t args = 0;
    do {
      expression(1);
      ++args;
    } while (accept(","));
    if (!accept(")")) fail();
    return args;
  }

  // 's0', positive=True, integer=True)
  void quoted_symbol() {
    if (!accept("'")) fail();
    const std::string name = this->name();
    const size_t end = text_.find(')', at_);
    if (end == std::string::npos) fail();
    at_ = end + 1;
    symbol(name);
  }

  // ['x'].size()[2]
  void size() {
    const std::string call = ".size()[";
    const size_t begin = at_, call_at = text_.find(call, at_);
    const size_t end = call_at == std::string::npos ? call_at : text_.find(']', call_at);
    if (end == std::string::npos) fail();
    if (text_.substr(begin, call_at - begin).find_first_of("(), ") != std::string::npos) fail();
    at_ = end + 1;
    symbol("L" + text_.substr(begin, at_ - begin));
  }

  void symbol(const std::string& name) {
    const auto known = std::find(symbols_.begin(), symbols_.end(), name);
    const size_t index = known - symbols_.begin();
    if (known == symbols_.end()) symbols_.push_back(name);
    add({0, index, nullptr, 0});
  }

  const std::string& text_;
  std::vector<std::string>& symbols_;
  std::vector<Term>& terms_;
  size_t results_ = 0;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Expression::Expression(const std::string& text) { Parser(text, symbols_, terms_).parse(); }

bool Expression::is_equation() const { return terms_.back().function == equal; }

double Expression::at(const std::vector<double>& values) const {
  std::array<double, kMostResults> results;
  size_t count = 0;
  for (const Term& term : terms_) {
    count -= term.args;
    results[count] = term.function ? term.function({&results[count], term.args})
                     : term.symbol ? values.at(*term.symbol)
                                   : term.number;
    ++count;
  }
  return results[0];
}

}  // namespace torchstreamer::exported
