// The recurrent mechanism: processes frames in order, with a state that is kept between pushes.
#pragma once

#include <functional>
#include <utility>

#include "network/layer.h"

namespace torchstreamer {

/// Returns the output frames `[frames, ...]` for input frames `[frames, ...]`, and the state after
/// them.
using RecurrentRule =
    std::function<std::pair<Tensor, Tensors>(const Tensor& frames, const Tensors& state)>;

struct RecurrentOptions {
  RecurrentRule rule;
  Tensors initial;  ///< state before the first frame
  std::string description;
  bool may_be_empty = false;     ///< see Layer::may_be_empty
  Computation computation = {};  ///< of `rule`, if known
};

/// Runs a rule with its state, one output frame for each input frame: LSTM, GRU, cumulative sums.
/// After each frame, state values that are not finite are reset to their initial values. The output
/// for an input with NaN or infinity is not changed.
LayerPtr recurrent_layer(RecurrentOptions options);

}  // namespace torchstreamer
