// Reports as text, as JSON and as Graphviz.
#pragma once

#include <ostream>

#include "tools/report.h"
#include "torchstreamer/error.h"

namespace torchstreamer::tools {

void print_text(std::ostream& out, const Report& report);
void print_json(std::ostream& out, const Report& report);
/// Processes are boxes, arrows their inputs.
void print_dot(std::ostream& out, const Report& report);

/// The same for a model that is refused. `error`: a Refusal, or an Error without its parts.
void print_refusal_text(std::ostream& out, const std::string& path, const Error& error);
void print_refusal_json(std::ostream& out, const std::string& path, const Error& error);
void print_refusal_dot(std::ostream& out, const std::string& path, const Error& error);

}  // namespace torchstreamer::tools
