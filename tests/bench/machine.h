// What the figures were measured on.
#pragma once

#include "report.h"

namespace torchstreamer::bench {

/// The processor and the versions of what is compared.
Row machine();

/// Keeps libtorch, OpenMP and OpenBLAS to this thread.
void use_one_thread();

}  // namespace torchstreamer::bench
