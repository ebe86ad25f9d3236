// Trial calls that find how many windows one call may have.
#pragma once

#include "blocks/batches.h"
#include "blocks/trials.h"

namespace torchstreamer::blocks {

/// Limit of the frames between the starts of the first window of a call and of the one after its
/// last window: as many new frames are queued for one call.
constexpr int64_t kMostBatchFrames = 1 << 14;

/// Finds the numbers of windows that one call may have. They are more than one if the method may
/// take several, the layout begins with B, a call is cheap enough for trials, and each row has the
/// same bits for every number of rows.
Batches find_batches(const Trials& trials, const Windows& windows, const BlockForm& form);

}  // namespace torchstreamer::blocks
