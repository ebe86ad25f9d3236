// The pointwise mechanism, and the proof that a computation is pointwise.
#pragma once

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// The computation of a frame, for many frames in one call: tensors `[frames, ...]` with equal
/// numbers of frames in, one such tensor out.
using PointwiseRule = std::function<Tensor(const Tensors& in)>;

struct PointwiseOptions {
  PointwiseRule rule;
  std::string description;
  int64_t block = 1;             ///< input frames that are computed together
  int64_t rate = 1;              ///< output frames for each block
  Computation computation = {};  ///< of `rule`, if known
};

/// Runs a rule on the frames that all inputs have: an activation, or with several inputs a sum,
/// product or gate. Keeps the frames by which one input is ahead of the others. The frames of an
/// incomplete block at the end are left out.
LayerPtr pointwise_layer(PointwiseOptions options);

/// Throws Error with the reason unless `rule`, on random frames of these formats, makes `rate`
/// frames of each block and gives the same for a whole signal as for its parts.
void prove_pointwise(const PointwiseRule& rule, const std::vector<Format>& in, int64_t rate = 1,
                     int64_t block = 1);

/// The computation of frames that also depends on their index in the signal: frames `[first, first
/// + n)` in, equally many out.
using IndexedRule = std::function<Tensor(const Tensors& in, int64_t first)>;

/// The pointwise mechanism for such a rule.
LayerPtr indexed_layer(IndexedRule rule, std::string description);

}  // namespace torchstreamer
