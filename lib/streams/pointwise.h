// The pointwise mechanism, and the proof that a computation is pointwise.
#pragma once

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// Computes many frames in one call, each independently. Input: tensors `[frames, ...]` with equal
/// numbers of frames. Output: one such tensor.
using PointwiseRule = std::function<Tensor(const Tensors& in)>;

struct PointwiseOptions {
  PointwiseRule rule;
  std::string description;
  int64_t block = 1;             ///< number of input frames that are computed together
  int64_t rate = 1;              ///< number of output frames for each block
  Computation computation = {};  ///< of `rule`, if known
};

/// Runs a rule on the frames that all inputs have: an activation, or with several inputs a sum,
/// product or gate. If one input is ahead of the others, its additional frames are kept. The frames
/// of an incomplete block at the end are dropped.
LayerPtr pointwise_layer(PointwiseOptions options);

/// Checks `rule` on random frames of these formats. Throws Error with the reason unless it returns
/// `rate` frames for each block and the same output for a whole signal as for its parts.
void prove_pointwise(const PointwiseRule& rule, const std::vector<Format>& in, int64_t rate = 1,
                     int64_t block = 1);

/// Computes frames with a rule that also depends on their index in the signal. Input: frames
/// `[first, first + n)`. Output: n frames.
using IndexedRule = std::function<Tensor(const Tensors& in, int64_t first)>;

/// Returns a pointwise layer with such a rule. `computation`: the same as data, if known.
LayerPtr indexed_layer(IndexedRule rule, std::string description, Computation computation = {});

}  // namespace torchstreamer
