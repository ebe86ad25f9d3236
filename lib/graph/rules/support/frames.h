// Numbers of frames that depend on the length of the signal.
#pragma once

#include <utility>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// A number of frames for each length of the signal.
using Frames = LengthRule;

/// Clamped to zero.
Frames positive(const Frames& frames);
Frames negated(const Frames& frames);

/// The smallest and the largest number of frames over the sampled lengths of the signal.
std::pair<int64_t, int64_t> range_of(const Frames& frames);

/// Whether the number increases with the length of the signal, so that no finite memory holds as
/// many frames.
bool grows(const Frames& frames);

/// The number of frames of `stream`. Valid as long as the plan.
Frames frames_of(const Call& call, const Stream& stream);

/// The shortest signal for which the module reaches the operator, though perhaps with a stream of
/// no frames, and for which `accepts` holds: operators without output raise, except for slices of
/// time and pointwise operators.
int64_t reached_from_frames(const Call& call, const Stream& stream,
                            const std::function<bool(int64_t source_frames)>& accepts);

/// Guards against signals for which the operator makes no frames of `stream`. The module may raise
/// for them or continue; the plan does neither.
void guard_against_none(const Call& call, const Stream& stream);

}  // namespace torchstreamer::graph
