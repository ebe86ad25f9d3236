// The recurrent mechanism: frames in order, with a state that is carried from push to push.
#pragma once

#include <functional>
#include <utility>

#include "network/layer.h"

namespace torchstreamer {

/// The outputs for some frames, `[frames, ...]` for `[frames, ...]`, and the state after them.
using RecurrentRule =
    std::function<std::pair<Tensor, Tensors>(const Tensor& frames, const Tensors& state)>;

/// Runs `rule` from the state `initial`: one frame out for one frame in. LSTM, GRU, cumulative
/// sums. What is not finite in the state behind a frame is as it was initially for the next one:
/// NaN and infinity in the input pass. `arithmetic`: what the rule computes, if known.
/// `may_be_empty`: see Layer::may_be_empty.
LayerPtr recurrent_layer(RecurrentRule rule, Tensors initial, std::string describe,
                         Arithmetic arithmetic = {}, bool may_be_empty = false);

}  // namespace torchstreamer
