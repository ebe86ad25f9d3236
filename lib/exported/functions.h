// Functions and operators of Expression.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace torchstreamer::exported {

/// The arguments of a function. Booleans are 0 and 1.
struct Args {
  const double* data;
  size_t count;

  bool empty() const { return count == 0; }
  size_t size() const { return count; }
  const double* begin() const { return data; }
  const double* end() const { return data + count; }
  double operator[](size_t i) const { return data[i]; }
};

/// Throws Error if there are too few arguments.
using Function = double (*)(Args args);

double equal(Args a);
double power(Args a);
double negative(Args a);
double inverse(Args a);

/// The functions of Python and SymPy, by the last parts of their names.
const std::map<std::string, Function>& python_functions();

struct InfixOperator {
  const char* text;
  int precedence;
  Function function;
};

/// An operator comes before the operators that are its prefixes: "**" before "*".
const std::vector<InfixOperator>& infix_operators();

}  // namespace torchstreamer::exported
