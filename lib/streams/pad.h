// Padding.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// torch.nn.functional.pad over time, with non-negative numbers of frames.
struct PadOptions {
  PadMode mode = PadMode::kConstant;
  int64_t left_frames = 0;
  /// Number of frames after the signal, and its minimum and maximum over all lengths.
  LengthRule right_frames;
  int64_t least_right_frames = 0;
  int64_t most_right_frames = 0;
  /// The frames that kConstant adds: `[left_frames, ...]` and `[most_right_frames, ...]`. Only the
  /// first frames of `after` are used if fewer are added.
  Tensor before, after;
  double value = 0;  ///< value of these frames in the description
  /// kConstant also pads a signal without frames if at least this many frames have entered the
  /// network.
  int64_t pads_empty_from_frames = Timing::kEndless;
};

LayerPtr pad1d_layer(const PadOptions& options);

}  // namespace torchstreamer
