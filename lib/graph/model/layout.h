// Layouts of the tensors that forward() takes and returns.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "support/tensor.h"
#include "torchstreamer/load.h"

namespace torchstreamer::graph {

/// Layouts in the order in which they are tried.
inline constexpr std::array kLayouts = {
    Layout::kBatchChannelsTime, Layout::kChannelsTime,      Layout::kTime,
    Layout::kBatchTimeChannels, Layout::kTimeBatchChannels, Layout::kTimeChannels};

/// Axes by their letters: "BCT". Not for kAuto.
std::string axes_of(Layout layout);

/// Returns true if time comes before channels.
bool is_time_first(Layout layout);

/// Returns axes as in a shape: "[B, C, T]". Not for kAuto.
std::string name_of(Layout layout);

/// Returns the shape of a tensor of this layout, -1 at the time axis.
std::vector<int64_t> shape_of(Layout layout, int64_t channels);

/// Returns the signal `x`, `[C, T]`, in this layout: a contiguous copy, because the model may write
/// to its input.
Tensor as_argument(const Tensor& x, Layout layout);

/// Returns a tensor with this time axis as `[C, T]`: all other axes are channels. A complex tensor
/// has two channels for each one, its real part and its imaginary part.
Tensor as_signal(const Tensor& y, int time_axis);

/// A call of forward(), and the part of its result that is the output.
struct ForwardCall {
  Layout layout = Layout::kBatchChannelsTime;
  int output = 0;      ///< see LoadOptions
  int time_axis = -1;  ///< of that output
};

}  // namespace torchstreamer::graph
