// The attention mechanism: every query depends on the keys of a bounded window around it.
#pragma once

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// The windows of keys, by phase: query i depends on the keys from i + first to i + last, with
/// `first` and `last` of entry i % size.
using AttentionReach = std::vector<Span>;

/// Computes the output `[queries, ...]` of the queries `[queries, ...]` that start at frame
/// `first_query` of the signal, given the keys and values `[keys, ...]` that start at frame
/// `first_key`. These contain the windows of all queries; keys outside a query's window must have
/// no weight.
using AttentionRule =
    std::function<Tensor(const Tensor& queries, const Tensor& keys, const Tensor& values,
                         int64_t first_query, int64_t first_key)>;

struct AttentionOptions {
  AttentionRule rule;
  AttentionReach reach;
  int64_t tile_frames = 1;          ///< maximum number of queries in one call of the rule
  int64_t most_frames = 0;          ///< maximum length of the signal, 0: unlimited
  bool is_limit_of_memory = false;  ///< `most_frames` is a limit of the user, not of the model
};

/// Inputs: queries, keys, values. The output of a query is emitted when all keys of its window have
/// arrived. Keys and values are kept for the windows of later queries.
LayerPtr attention1d_layer(AttentionOptions options);

/// Returns true if the layer is attention that keeps all frames of the longest signal.
bool is_attention_over_all(const Layer& layer);

}  // namespace torchstreamer
