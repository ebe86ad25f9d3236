// Arithmetic on sizes, as exported programs write it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exported/functions.h"

namespace torchstreamer::exported {

/// An expression in Python's syntax: "(L['x'].size()[2] % 2) == 0", or in SymPy's:
/// "Mul(Integer(16), Symbol('s0', integer=True))". Booleans are 0 and 1. Immutable.
class Expression {
 public:
  /// A number, a symbol, or a function of the results before it.
  struct Term {
    double number = 0;
    std::optional<size_t> symbol;
    Function function = nullptr;
    size_t args = 0;
  };

  /// Throws Error with the text if it has other syntax or unknown functions.
  explicit Expression(const std::string& text);

  /// Names of the symbols: "s0", or "L['x'].size()[2]".
  const std::vector<std::string>& symbols() const { return symbols_; }

  /// Number of its numbers, symbols and functions, without those of constant parts.
  size_t terms() const { return terms_.size(); }

  /// Returns true for "left == right".
  bool is_equation() const;

  /// `values`: values of symbols(), in the same order.
  double at(const std::vector<double>& values) const;

 private:
  std::vector<std::string> symbols_;
  std::vector<Term> terms_;  // the arguments of a function come before it
};

}  // namespace torchstreamer::exported
