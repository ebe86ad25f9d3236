// Capacity of the buffers of a program, and which of them share memory.
#pragma once

#include "native/program/program.h"

namespace torchstreamer::native {

/// Returns the buffers of the program with capacities, as a stream of silence needs them, and with
/// rings for buffers that keep many frames.
std::vector<BufferPlan> with_capacities(const Program& program);

/// Returns the buffers of the program with shared memory for those that are empty between pushes
/// and not in use at the same time.
std::vector<BufferPlan> with_shared_memory(const Program& program);

}  // namespace torchstreamer::native
