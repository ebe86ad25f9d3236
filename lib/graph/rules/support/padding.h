// Padding and cropping of streams.
#pragma once

#include <optional>
#include <string>

#include "graph/rules/support/frames.h"
#include "streams/pad.h"

namespace torchstreamer::graph {

/// Returns the mode of this name in torch.nn.functional.pad if it can be streamed.
std::optional<PadMode> pad_mode_named(const std::string& name);

/// Adds frames before and after `x`; negative numbers remove frames. `options`: the mode and the
/// constants.
Stream add_padding(const Call& call, Stream x, int64_t left, const Frames& right,
                   PadOptions options = {});

/// Removes the first `start` and the last `end` frames of `x`.
Stream add_trim(const Call& call, const Stream& x, int64_t start, const Frames& end);

}  // namespace torchstreamer::graph
