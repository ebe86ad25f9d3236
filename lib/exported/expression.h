// Arithmetic on sizes, as exported programs write it.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace torchstreamer::exported {

/// An expression in Python's syntax: "(L['x'].size()[2] % 2) == 0", or in SymPy's:
/// "Mul(Integer(16), Symbol('s0', integer=True))". Booleans are 0 and 1. Immutable.
class Expression {
 public:
  /// Throws Error with the text if it has other syntax or unknown functions.
  explicit Expression(const std::string& text);

  /// Names of the symbols: "s0", or "L['x'].size()[2]".
  const std::vector<std::string>& symbols() const { return symbols_; }

  /// `values`: of symbols(), in their order.
  double at(const std::vector<double>& values) const;

  struct Term;

 private:
  std::vector<std::string> symbols_;
  std::shared_ptr<const Term> term_;
};

}  // namespace torchstreamer::exported
