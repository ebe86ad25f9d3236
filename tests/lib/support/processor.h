// Selection of kernels as on a different processor.
#pragma once

#include <hwy/targets.h>

#include <cstdint>

namespace torchstreamer {

/// Selects kernels as on a processor that supports only these instruction sets (Highway's bits); 0:
/// all sets of this processor.
inline void pretend_processor(int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace torchstreamer
