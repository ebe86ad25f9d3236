// Latency of a stream that processes its input in blocks.
#pragma once

#include <cstdint>

#include "torchstreamer/rational.h"
#include "torchstreamer/timing.h"

namespace torchstreamer {

/// Latency in input frames of a stream that processes its input in blocks of `block_frames` frames
/// counted from the start of the signal. For blocks of one frame it equals
/// Timing::look_ahead_frames().
Rational latency_frames(const Timing& timing, int64_t block_frames);

}  // namespace torchstreamer
