// The recurrent mechanism: frames in order, with a state that is carried from push to push.
#pragma once

#include <functional>
#include <utility>

#include "layer.h"

namespace torchstreamer {

/// The outputs for some frames, `[frames, ...]` for `[frames, ...]`, and the state after them.
using RecurrentRule =
    std::function<std::pair<Tensor, Tensors>(const Tensor& frames, const Tensors& state)>;

/// Runs `rule` from the state `initial`, which may be empty: one frame out for one frame in. LSTM,
/// GRU, cumulative sums.
/// `arithmetic`: what the rule computes, if known.
LayerPtr recurrent_layer(RecurrentRule rule, Tensors initial, std::string describe,
                         Arithmetic arithmetic = {});

}  // namespace torchstreamer
