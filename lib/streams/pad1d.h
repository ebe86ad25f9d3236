#pragma once

#include "layer.h"

namespace torchstreamer {

enum class PadMode { kConstant, kReflect, kReplicate };

/// torch.nn.functional.pad over time, not negative.
struct PadOptions {
  PadMode mode = PadMode::kConstant;
  double value = 0;  ///< of the frames that kConstant adds
  int64_t left_frames = 0;
  /// Frames after the signal, and the most that they can be.
  Timing::LengthRule right_frames = [](int64_t) { return 0; };
  int64_t most_right_frames = 0;
};

LayerPtr pad1d_layer(const PadOptions& options);

}  // namespace torchstreamer
