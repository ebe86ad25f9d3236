// Checks that kernels stay within the memory of their operands.
#pragma once

#include <vector>

#include "network/layer.h"

namespace torchstreamer::native {

/// Returns true if the kernel of `computation` reads only samples that its inputs and constants
/// have, and writes as many as the output has. Kernels themselves check nothing. `in`, `out`:
/// formats of float32 frames. `timing`: timing of the layer.
bool counts_agree(const Computation& computation, const Timing& timing,
                  const std::vector<Format>& in, const Format& out);

}  // namespace torchstreamer::native
