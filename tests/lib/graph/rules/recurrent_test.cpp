// Recurrent nets.
#include <c10/util/StringUtil.h>

#include "expect_says.h"
#include "lib/graph/rules/rates_source.h"
#include "lib/support/error_of.h"

namespace torchstreamer::testing {
namespace {

// Weights of `layers` layers with 2 input features and `gates` gates for each of `hidden` features.
std::map<std::string, Tensor> recurrent_weights(int gates, int64_t hidden, int layers,
                                                int64_t projected = 0) {
  std::map<std::string, Tensor> weights;
  const int64_t out = projected ? projected : hidden;
  for (int layer = 0; layer < layers; ++layer) {
    const std::string n = std::to_string(layer);
    weights["a" + n] = torch::randn({gates * hidden, layer ? out : 2}) * 0.5;
    weights["b" + n] = torch::randn({gates * hidden, out}) * 0.5;
    weights["c" + n] = torch::randn({gates * hidden});
    weights["d" + n] = torch::randn({gates * hidden});
    if (projected) weights["e" + n] = torch::randn({projected, hidden}) * 0.5;
  }
  weights["h"] = torch::randn({layers, 2, out});
  weights["c"] = torch::randn({layers, 2, hidden});
  return weights;
}

// A call of the operator for `x`, with its weights in a list.
std::string recurrence(const std::string& operation, const std::string& state, int layers,
                       bool is_projected, bool is_batch_first, bool is_bidirectional = false) {
  std::string list;
  for (int layer = 0; layer < layers; ++layer)
    for (const char* name : {"a", "b", "c", "d", "e"})
      if (std::string(name) != "e" || is_projected)
        list += c10::str(list.empty() ? "" : ", ", "self.", name, layer);
  auto flag = [](bool is) { return is ? "True" : "False"; };
  return c10::str("torch.", operation, "(x, ", state, ", [", list, "], True, ", layers,
                  ", 0.0, False, ", flag(is_bidirectional), ", ", flag(is_batch_first), ")[0]");
}

// The source of a model that reshapes a signal of 4 channels to a batch of 2 signals for `net`.
std::string batched(const std::string& net, bool is_batch_first) {
  const char* axes = is_batch_first ? "[0, 2, 1]" : "[2, 0, 1]";
  const char* back = is_batch_first ? "[0, 2, 1]" : "[1, 2, 0]";
  return c10::str("def forward(self, x):\n  x = x.view([2, 2, -1]).permute(", axes,
                  ")\n  y = ", net, ".permute(", back,
                  ")\n  return y.reshape([1, 2 * y.size(1), -1])");
}

TEST(Recurrent, Nets) {
  for (const bool is_batch_first : {false, true})
    for (const int layers : {1, 2}) {
      Random random(base_seed());
      const std::string batch = is_batch_first ? "x.size(0)" : "x.size(1)";
      const std::string zeros =
          c10::str("torch.zeros([", layers, ", ", batch, ", 3], dtype=x.dtype)");
      for (const std::string& state : {zeros, std::string("self.h")}) {
        for (const char* operation : {"gru", "rnn_tanh", "rnn_relu"})
          expect_source(
              batched(recurrence(operation, state, layers, false, is_batch_first), is_batch_first),
              4, 4, recurrent_weights(std::string(operation) == "gru" ? 3 : 1, 3, layers));
        const std::string states = "[" + state + (state == zeros ? ", " + zeros : ", self.c") + "]";
        expect_source(
            batched(recurrence("lstm", states, layers, false, is_batch_first), is_batch_first), 4,
            4, recurrent_weights(4, 3, layers));
      }
      expect_source(batched(recurrence("lstm", "[self.h, self.c]", layers, true, is_batch_first),
                            is_batch_first),
                    4, 4, recurrent_weights(4, 5, layers, 3));
    }
  // Unbatched.
  auto weights = recurrent_weights(3, 3, 1);
  weights["h"] = weights["h"].select(1, 0).unsqueeze(1);
  expect_source("def forward(self, x):\n  x = x[0].transpose(0, 1).unsqueeze(1)\n  return " +
                    recurrence("gru", "self.h", 1, false, false) +
                    ".squeeze(1).transpose(0, 1).unsqueeze(0)",
                2, 4, weights);
}

TEST(Recurrent, NetsThatAreRefused) {
  auto refusal_of = [](const std::string& source) {
    LoadOptions options;
    options.channels = 2;
    options.layout = Layout::kBatchChannelsTime;
    return error_of<Refusal>([&] {
      graph::ScriptModel(scripted(source, recurrent_weights(3, 3, 1)), at::kCPU).plan(options);
    });
  };
  const std::string both = "def forward(self, x):\n  x = x.transpose(1, 2)\n  return " +
                           recurrence("gru", "self.h", 1, false, true, true);
  for (const char* part : {"aten::gru", "bidirectional", "use a unidirectional one"})
    EXPECT_SAYS(part, refusal_of(both));
  // Recurrent over the channels, with time as the batch.
  const std::string across =
      "def forward(self, x):\n  x = torch.cat([x, x], 0).permute([2, 1, "
      "0])\n  return " +
      recurrence("gru", "torch.zeros([1, x.size(0), 3])", 1, false, true);
  for (const char* part : {"aten::gru", "the recurrence does not run along the time axis"})
    EXPECT_SAYS(part, refusal_of(across));
  // A cell in a loop over time.
  const std::string loop =
      "def forward(self, x):\n  h = torch.zeros([1, 3])\n  ys = [h]\n  for t in "
      "range(x.size(2)):\n    h = torch.gru_cell(x[:, :, t], h, self.a0, self.b0, self.c0, "
      "self.d0)\n    ys.append(h)\n  return torch.stack(ys, 2)";
  EXPECT_SAYS("prim::Loop", refusal_of(loop));
}

}  // namespace
}  // namespace torchstreamer::testing
