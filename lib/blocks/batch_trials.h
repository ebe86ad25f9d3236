// Trial calls that find how many windows one call may have.
#pragma once

#include "blocks/batches.h"
#include "blocks/trials.h"

namespace torchstreamer::blocks {

/// Frames between the starts of windows from which on one call has one window.
constexpr int64_t kMostBatchFrames = 512;

/// Finds the numbers of windows that one call may have. They are more than one if the method may
/// take several, the layout begins with B, windows begin fewer than kMostBatchFrames frames apart,
/// and each row has the same bits for every number of rows.
Batches find_batches(const Trials& trials, const Windows& windows, const BlockForm& form);

}  // namespace torchstreamer::blocks
