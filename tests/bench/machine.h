// The machine that runs the benchmark.
#pragma once

#include "report.h"

namespace torchstreamer::bench {

/// The processor and the versions of the compared libraries.
Row machine();

/// Restricts libtorch, OpenMP and OpenBLAS to one thread.
void use_one_thread();

}  // namespace torchstreamer::bench
