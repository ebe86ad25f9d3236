// Kernels as another processor would have them.
#pragma once

#include <hwy/targets.h>

#include <cstdint>

namespace torchstreamer {

/// Lets kernels be chosen as on a processor that has these instruction sets alone; 0: as on this
/// one.
inline void pretend_processor(int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace torchstreamer
