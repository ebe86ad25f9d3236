// Threads of libtorch's operators.
#pragma once

namespace torchstreamer::graph {

/// At the first call, sets the number of threads of libtorch's operators to the environment
/// variable OMP_NUM_THREADS, or to 1. Programs that use models through a plugin cannot call
/// set_threads().
void limit_threads_once();

}  // namespace torchstreamer::graph
