// The pointwise mechanism, and the proof that something is pointwise.
#pragma once

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// The arithmetic of one frame, for many at once: tensors `[frames, ...]` of equally many frames
/// in, one such tensor out.
using PointwiseRule = std::function<Tensor(const Tensors& in)>;

/// Runs `rule` on the frames that all inputs have: an activation, or with several inputs a join
/// (sums, products, gates), which keeps what one input is ahead of the others. Each `block` input
/// frames become `rate` output frames; those of a block that is not whole are left out.
/// `arithmetic`: what the rule computes, if known.
LayerPtr pointwise_layer(PointwiseRule rule, std::string describe, int64_t rate = 1,
                         int64_t block = 1, Arithmetic arithmetic = {});

/// Throws Error with the reason unless `rule`, on random frames of these formats, makes `rate`
/// frames of each block and gives the same for the whole as for its parts, one after the other.
void prove_pointwise(const PointwiseRule& rule, const std::vector<Format>& in, int64_t rate = 1,
                     int64_t block = 1);

/// The arithmetic of a frame that depends on its index in the signal, too: frames `[first, first +
/// n)` in, equally many out.
using IndexedRule = std::function<Tensor(const Tensors& in, int64_t first)>;

/// The pointwise mechanism for such a rule.
LayerPtr indexed_layer(IndexedRule rule, std::string describe);

}  // namespace torchstreamer
