// Numbers of frames that depend on the length of the signal.
#pragma once

#include <utility>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// A number of frames for each length of the signal.
using Frames = LengthRule;

/// Returns the number, clamped to zero.
Frames positive(const Frames& frames);
Frames negated(const Frames& frames);

/// Returns the smallest and the largest number of frames for the sampled lengths of the signal.
std::pair<int64_t, int64_t> range_of(const Call& call, const Frames& frames);

/// Returns true if the number increases with the length of the signal, so that no finite memory
/// could hold the frames.
bool grows(const Call& call, const Frames& frames);

/// Returns the number of frames of `stream`. Must not be used after the plan is destroyed.
Frames frames_of(const Call& call, const Stream& stream);

/// Returns the length of the shortest signal for which `accepts` holds and for which the module
/// reaches the operator, possibly with a stream of no frames. The module does not reach it if an
/// earlier operator fails because it has no output frames. Slices of time and pointwise operators
/// do not fail.
int64_t reached_from_frames(const Call& call, const Stream& stream,
                            const std::function<bool(int64_t source_frames)>& accepts);

/// Adds a guard for signals for which the operator computes no frames of `stream`, because the
/// module may raise an error for them.
void guard_against_none(const Call& call, const Stream& stream);

}  // namespace torchstreamer::graph
