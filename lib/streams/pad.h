#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// torch.nn.functional.pad over time, not negative.
struct PadOptions {
  PadMode mode = PadMode::kConstant;
  int64_t left_frames = 0;
  /// Frames after the signal, and the least and the most that they can be.
  LengthRule right_frames;
  int64_t least_right_frames = 0;
  int64_t most_right_frames = 0;
  /// The frames that kConstant adds: `[left_frames, ...]` and `[most_right_frames, ...]`, of which
  /// the first are taken.
  Tensor before, after;
  double value = 0;  ///< of all of those frames, for people
  /// As soon as this many frames entered the network, kConstant also pads what has no frames yet.
  int64_t pads_empty_from_frames = Timing::kEndless;
};

LayerPtr pad1d_layer(const PadOptions& options);

}  // namespace torchstreamer
