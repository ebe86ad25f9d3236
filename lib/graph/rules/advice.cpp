#include "graph/rules/advice.h"

#include <map>

namespace torchstreamer::graph {

std::string advice_for(const std::string& operator_name) {
  static const std::map<std::string, const char*> table = {
      {"aten::group_norm",
       "GroupNorm takes its mean over the whole signal: export the model with cumulative "
       "normalisation, or with BatchNorm in eval mode"},
      {"aten::instance_norm",
       "InstanceNorm takes its mean over the whole signal: export the model with cumulative "
       "normalisation, or with BatchNorm in eval mode"},
      {"aten::layer_norm", "LayerNorm can be streamed over channels: transpose the signal first"},
      {"aten::softmax", "softmax can be streamed over channels or over a window of attention"},
      {"aten::mean", "average over a window instead: avg_pool1d, or a cumulative mean"},
      {"aten::std", "normalise cumulatively, or over a window"},
      {"aten::var", "normalise cumulatively, or over a window"},
      {"aten::max", "take the maximum of a window instead: max_pool1d, or cummax"},
      {"aten::amax", "take the maximum of a window instead: max_pool1d, or cummax"},
      {"aten::index_put",
       "run_decompositions() writes fold() and torch.istft() of several channels like this: "
       "export the program without it"},
      {"aten::adaptive_avg_pool1d", "adaptive pools divide the whole signal: use avg_pool1d"},
      {"aten::adaptive_max_pool1d", "adaptive pools divide the whole signal: use max_pool1d"},
  };
  const auto row = table.find(operator_name);
  return row == table.end() ? "" : std::string("; ") + row->second;
}

}  // namespace torchstreamer::graph
