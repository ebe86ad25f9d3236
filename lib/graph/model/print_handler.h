// Output of the print() of models.
#pragma once

namespace torchstreamer::graph {

/// Writes what models print to stderr, for the whole process: stdout may have audio or a report.
void print_models_to_stderr();

}  // namespace torchstreamer::graph
