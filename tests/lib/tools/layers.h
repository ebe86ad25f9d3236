// Layers of one channel, and the same functions offline.
#pragma once

#include <ATen/ATen.h>

#include "graph/model/script_model.h"
#include "network/network.h"
#include "streams/conv.h"
#include "streams/pointwise.h"

namespace torchstreamer::tools {

inline const Format kMono{at::kFloat, at::kCPU, {1}};

inline LayerPtr conv(std::vector<float> taps) {
  const int64_t kernel = static_cast<int64_t>(taps.size());
  return conv1d_layer({at::tensor(taps).view({1, 1, kernel}), {}});
}

inline graph::OfflineRule offline_conv(std::vector<float> taps) {
  return [weight = at::tensor(taps).view({1, 1, -1})](const Tensor& x) {
    return at::conv1d(x.unsqueeze(0), weight.to(x.scalar_type())).squeeze(0);
  };
}

inline LayerPtr pointwise(PointwiseRule rule) { return pointwise_layer({std::move(rule), "it"}); }
inline Tensor as_it_is(const Tensor& x) { return x.clone(); }

}  // namespace torchstreamer::tools
