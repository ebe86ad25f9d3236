// Search for the shape of the signal that forward() takes.
#pragma once

#include <exception>
#include <functional>
#include <vector>

#include "graph/model/layout.h"
#include "network/layer.h"

namespace torchstreamer::graph {

/// Cause of a failed attempt.
enum class Cause {
  kShape,   ///< an operator does not accept the shape: another shape of the signal may fit
  kRaise,   ///< the model raises an exception, which may be about the shape
  kLength,  ///< the model accepts too few lengths of the signal
  kModel,   ///< the model accepts the shape and cannot be streamed
};

/// Result of planning for one shape of the signal.
struct Attempt {
  LayerPtr network;           ///< null if the model was refused
  bool is_over_time = false;  ///< an output frame depends on more than one input frame
  std::exception_ptr error;   ///< the reason
  Cause cause = Cause::kModel;
  size_t progress = 0;  ///< number of nodes that were evaluated
  /// Numbers of channels that the node which refused the model may accept.
  std::vector<int64_t> wanted_channels;
};

/// Plans for signals of a number of channels and a layout.
using Planning = std::function<Attempt(int64_t channels, Layout layout)>;

/// Returns the first network that is planned. `channels`: 0 tries 1, 2, the numbers that attempts
/// request and `likely_channels`, and is set to the number that was found. `likely_channels` are
/// skipped for a layout as soon as the number of channels does not matter to the node that refuses
/// the model. The search ends when all attempts together have evaluated too many nodes. `layout`:
/// kAuto tries all layouts, and is set to the one that was found. A network with time before the
/// channels is accepted only if it computes over time; otherwise its frames could be a batch.
/// Throws the error of the first layout that the model accepts; if there is none, the error of the
/// attempt that evaluated most nodes.
LayerPtr plan_for_any_shape(const Planning& plan, int64_t& channels, Layout& layout,
                            const std::vector<int64_t>& likely_channels);

}  // namespace torchstreamer::graph
