// Reports as text, JSON and Graphviz.
#pragma once

#include <ostream>

#include "tools/report/report.h"
#include "torchstreamer/error.h"

namespace torchstreamer::tools {

void print_text(std::ostream& out, const Report& report);
void print_json(std::ostream& out, const Report& report);
/// Prints processes as boxes and their inputs as arrows.
void print_dot(std::ostream& out, const Report& report);

/// Prints the reason for a refused model. `error`: a Refusal, or an Error without the parts of a
/// Refusal. `interface`: empty if the file could not be read.
void print_refusal_text(std::ostream& out, const std::string& path, const Error& error,
                        const Interface& interface);
void print_refusal_json(std::ostream& out, const std::string& path, const Error& error,
                        const Interface& interface);
void print_refusal_dot(std::ostream& out, const std::string& path, const Error& error);

inline double to_double(Rational r) {
  return static_cast<double>(r.num) / static_cast<double>(r.den);
}

/// "3" or "3/2".
inline std::string to_text(Rational r) {
  return std::to_string(r.num) + (r.den == 1 ? "" : "/" + std::to_string(r.den));
}

}  // namespace torchstreamer::tools
