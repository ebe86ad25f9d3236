#include "exported/expression.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "exported/functions.h"
#include "torchstreamer/error.h"

namespace torchstreamer::exported {

/// A number, a symbol, or a function of other terms.
struct Expression::Term {
  double number = 0;
  std::optional<size_t> symbol;
  Function function = nullptr;
  std::vector<Term> args;

  double at(const std::vector<double>& values) const {
    if (symbol) return values.at(*symbol);
    if (!function) return number;
    std::array<double, 4> few;  // most functions have few arguments, and guards are evaluated often
    std::vector<double> many(args.size() > few.size() ? args.size() : 0);
    double* const results = many.empty() ? few.data() : many.data();
    for (size_t i = 0; i < args.size(); ++i) results[i] = args[i].at(values);
    return function({results, args.size()});
  }
};

namespace {

using Term = Expression::Term;

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
      Term both{0, {}, next->function, {}};
      both.args.reserve(2);
      both.args.push_back(std::move(left));  // an initializer list would copy
      both.args.push_back(std::move(right));
      left = std::move(both);
    }
    --depth_;
    return left;
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
