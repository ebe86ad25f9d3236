// The attention mechanism: queries look at the keys of a bounded window around them.
#pragma once

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// The keys that queries see, by their phase: query i sees key i + `first` to i + `last` of entry
/// i % size.
using AttentionReach = std::vector<Span>;

/// What attention makes of some queries `[queries, ...]`, whose first is the signal's frame
/// `first_query`, and of the keys and values `[keys, ...]` from `first_key` on. Returns
/// `[queries, ...]`. All that the queries see is there; what they do not see must weigh nothing.
using AttentionRule =
    std::function<Tensor(const Tensor& queries, const Tensor& keys, const Tensor& values,
                         int64_t first_query, int64_t first_key)>;

struct AttentionOptions {
  AttentionReach reach;
  int64_t tile_frames = 1;  ///< the most queries that the rule is given at once
  int64_t most_frames = 0;  ///< where the model's own tables end; 0: nowhere
};

/// Inputs: queries, keys, values. A query's output leaves when the keys it sees are all there; the
/// keys and values of the window behind it are remembered.
LayerPtr attention1d_layer(AttentionRule rule, AttentionOptions options);

}  // namespace torchstreamer
