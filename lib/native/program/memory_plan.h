// Capacities and shared memory of the buffers of a program.
#pragma once

#include "native/program/program.h"

namespace torchstreamer::native {

/// Returns the buffers of the program with capacities, measured with a stream of silence, and with
/// rings for buffers that keep many frames.
std::vector<BufferPlan> with_capacities(const Program& program);

/// Returns the buffers of the program. Buffers that are empty between pushes and not in use at the
/// same time share memory.
std::vector<BufferPlan> with_shared_memory(const Program& program);

}  // namespace torchstreamer::native
