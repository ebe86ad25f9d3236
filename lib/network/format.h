// Shape, type and device of the frames of a signal.
#pragma once

#include <string>
#include <vector>

#include "support/tensor.h"

namespace torchstreamer {

/// Channel count of a signal before its first frames have arrived.
constexpr int64_t kUnknownChannels = -1;

/// Format of the frames on an edge of a network.
struct Format {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  std::vector<int64_t> frame;  ///< shape of one frame, channels last: {C}, {B, C} or {}

  int64_t channels() const { return frame.empty() ? 1 : frame.back(); }
  /// Product of all axes of a frame except the channels.
  int64_t batch() const;
  /// Number of samples of one frame.
  int64_t samples() const { return batch() * channels(); }
  /// The same format with a different number of channels.
  Format with_channels(int64_t channels) const;

  at::TensorOptions options() const;
  /// `[frames, ...]`, the shape of time-major frames.
  std::vector<int64_t> shape(int64_t frames) const;
  /// Returns silence, `[frames, ...]`.
  Tensor zeros(int64_t frames) const;
};

bool operator==(const Format& a, const Format& b);

/// Throws Error unless `in` has `channels` channels and the type and device of `weight`. `describe`
/// names the layer in the error.
void require_format(const Format& in, int64_t channels, const Tensor& weight,
                    const std::string& describe);

}  // namespace torchstreamer
