// Compiles the nodes of a network to the kernel calls of a program.
#pragma once

#include "native/program/kernel_call.h"
#include "network/network.h"

namespace torchstreamer::native {

/// `in`: format of the source. Capacities, rings and shared memory of the buffers are not planned
/// yet, see memory_plan.h.
CompiledNetwork compile(const std::vector<Network::Node>& nodes, const Format& in);

}  // namespace torchstreamer::native
