// Windows of a signal: the frames of each call of a model that is called block by block.
#pragma once

#include <cstdint>

#include "torchstreamer/call.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::blocks {

/// Windows of one size. Each starts one hop after the previous one.
///
///     signal      |=====================================|
///     window 0    |---------------|                     '
///     window 1          |---------------|               '
///     window 2                |---------------|         '   the last complete window
///     last window                   |---------------:...:   kPad: zeros; kShort: is shorter
///                 |-----| hop                       (1) (2)
///
/// The frames between (1), the end of the last complete window, and (2), the end of the signal, are
/// in no complete window. If there are any, the last window is incomplete.
struct Windows {
  int64_t window_frames = 1;
  int64_t hop_frames = 1;
  Tail tail = Tail::kPad;
  /// Output frames of the call of a complete window.
  int64_t frames_out = 1;

  /// Returns the number of complete windows of a signal of this many frames.
  int64_t complete(int64_t frames) const;
  /// Returns the number of frames of the incomplete last window of a signal, which are less than
  /// `window_frames`. 0 if there is no such window, or if it is dropped.
  int64_t last_frames(int64_t frames) const;
  /// Returns the number of output frames that are kept of the call of the last window if it is
  /// padded: in proportion to the frames that are in no complete window.
  int64_t padded_frames_out(int64_t frames) const;
};

/// Returns the timing of calls of `windows`. `short_frames_out`: number of output frames of a call
/// with fewer frames than a window, for kShort; it may throw Error.
Timing timing_of(const Windows& windows, const LengthRule& short_frames_out);

}  // namespace torchstreamer::blocks
