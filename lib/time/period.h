// Periods of timings. After a period, the dependencies of output frames repeat with a shift.
#pragma once

#include <cstdint>

#include "torchstreamer/timing.h"

namespace torchstreamer {

/// Number of input frames by which dependencies are shifted after timing.period_frames() output
/// frames.
int64_t period_in_frames(const Timing& timing);

/// Period in output frames of a process with timing `after` whose input has a period of
/// `before_period_frames`: the smallest one that consists of whole periods of both.
int64_t chained_period_frames(int64_t before_period_frames, const Timing& after);

}  // namespace torchstreamer
