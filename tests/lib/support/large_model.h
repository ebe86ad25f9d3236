// A model whose engines gain in a group.
#pragma once

#include "graph/model/planned_model.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {

/// A model with more weights than the caches of a core: convolutions, one of them transposed, and
/// an LSTM.
inline std::unique_ptr<Model> large_model() {
  constexpr const char* kSource = R"(
def forward(self, x):
  y = torch.relu(torch.conv1d(x, self.encode, stride=4))
  y = torch.conv1d(y, self.mix)
  zeros = torch.zeros([1, 1, 64])
  weights = [self.input, self.hidden, self.input_bias, self.hidden_bias]
  y, h, c = torch.lstm(y.transpose(1, 2), [zeros, zeros], weights, True, 1, 0.0, False, False, True)
  return torch.conv_transpose1d(y.transpose(1, 2), self.decode, stride=4)
)";
  const auto weights = [](at::IntArrayRef sizes) { return torch::randn(sizes) * 0.1; };
  const auto module = scripted(kSource, {{"encode", weights({96, 1, 8})},
                                         {"mix", weights({320, 96, 5})},
                                         {"input", weights({256, 320})},
                                         {"hidden", weights({256, 64})},
                                         {"input_bias", weights({256})},
                                         {"hidden_bias", weights({256})},
                                         {"decode", weights({64, 2, 7})}});
  const auto file = std::make_shared<graph::ScriptModel>(module, at::kCPU);
  return std::make_unique<graph::PlannedModel>(file, LoadOptions());
}

}  // namespace torchstreamer::testing
