// Trial calls that find how many windows one call may have.
#pragma once

#include "blocks/batches.h"
#include "blocks/trials.h"

namespace torchstreamer::blocks {

/// Maximum number of new frames that are queued for one call: from the start of its first window to
/// the start of the window after its last one.
constexpr int64_t kMostBatchFrames = 1 << 14;

/// Finds the numbers of windows that one call may have: more than one if the method may take
/// several, the layout begins with B, a call is cheap enough for trials, and each row has the same
/// bits for every number of rows.
Batches find_batches(const Trials& trials, const Windows& windows, const BlockForm& form);

}  // namespace torchstreamer::blocks
