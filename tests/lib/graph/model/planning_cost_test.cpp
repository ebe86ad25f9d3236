// The decision if a model streams takes at most 2 s of CPU time and 300 MB in addition to the
// weights.
#include <torch/csrc/jit/ir/ir.h>

#include "expect_says.h"
#include "graph/plan/refusal.h"
#include "lib/support/cost_limits.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

using Weights = std::map<std::string, Tensor>;

// Returns the refusal; empty if the model streams.
std::string planned_within_limits(const std::string& source, const Weights& weights) {
  const torch::jit::Module module = scripted(source, weights);
  const graph::ScriptModel model(module, at::kCPU);
  std::string refusal;
  expect_within_limits([&] {
    try {
      LoadOptions options;
      model.plan(options);
    } catch (const Error& e) {
      refusal = e.what();
    }
  });
  return refusal;
}

// A spectrogram, normalised by a mean over the whole signal, and a layer over its frequencies.
std::string spectral_source(int64_t size, const std::string& normalised) {
  const std::string n = std::to_string(size), hop = std::to_string(size / 2);
  return "def forward(self, x):\n"
         "  s = torch.stft(x, " +
         n + ", " + hop + ", " + n +
         ", self.window, True, 'reflect', "
         "False, True, True)\n"
         "  y = torch.log(s.abs() + 1e-5)\n"
         "  y = torch.relu(torch.linear(y.transpose(1, 2), self.a, self.b)).transpose(1, 2)\n"
         "  y = " +
         normalised +
         "\n"
         "  return torch.linear(y.transpose(1, 2), self.c).transpose(1, 2)";
}

Weights spectral_weights(int64_t size) {
  return {{"window", torch::hann_window(size)},
          {"a", torch::randn({64, size / 2 + 1})},
          {"b", torch::randn({64})},
          {"c", torch::randn({1, 64})}};
}

TEST(PlanningCost, SpectraOfAnySize) {
  for (const int64_t size : {320, 512, 960, 1024, 4096, 8192, 16384, 32768}) {
    SCOPED_TRACE(size);
    EXPECT_SAYS("needs the whole signal",
                planned_within_limits(spectral_source(size, "y - y.mean(-1, True)"),
                                      spectral_weights(size)));
    EXPECT_EQ(planned_within_limits(spectral_source(size, "y"), spectral_weights(size)), "");
  }
}

TEST(PlanningCost, AThousandNodes) {
  EXPECT_EQ(planned_within_limits("def forward(self, x):\n"
                                  "  x = torch.conv1d(x, self.a)\n"
                                  "  for i in range(250):\n"
                                  "    y = torch.constant_pad_nd(x, [2 * (1 + i % 9), 0])\n"
                                  "    y = torch.conv1d(y, self.b, None, [1], [0], [1 + i % 9])\n"
                                  "    x = x + torch.relu(y) * 0.1\n"
                                  "  return torch.conv1d(x, self.c)",
                                  {{"a", torch::randn({16, 1, 1})},
                                   {"b", torch::randn({16, 16, 3}) * 0.1},
                                   {"c", torch::randn({1, 16, 1})}}),
            "");
}

TEST(PlanningCost, WideLayers) {
  EXPECT_EQ(planned_within_limits("def forward(self, x):\n"
                                  "  x = torch.conv1d(x, self.a)\n"
                                  "  for i in range(12):\n"
                                  "    y = torch.conv1d(torch.constant_pad_nd(x, [200, 0]), self.b,"
                                  " None, [1], [0], [100])\n"
                                  "    x = x + torch.tanh(y)\n"
                                  "  return torch.conv1d(x, self.c)",
                                  {{"a", torch::randn({512, 1, 1})},
                                   {"b", torch::randn({512, 512, 3}) * 0.02},
                                   {"c", torch::randn({1, 512, 1})}}),
            "");
}

// A million frames of memory and 32 channels: comparing all of it would take a minute.
TEST(PlanningCost, LongMemories) {
  EXPECT_EQ(
      planned_within_limits("def forward(self, x):\n"
                            "  x = torch.conv1d(x, self.a)\n"
                            "  for i in range(19):\n"
                            "    d = 1 << i\n"
                            "    y = torch.conv1d(torch.constant_pad_nd(x, [2 * d, 0]), self.b,"
                            " None, [1], [0], [d])\n"
                            "    x = x + torch.tanh(y)\n"
                            "  return torch.conv1d(x, self.c)",
                            {{"a", torch::randn({32, 1, 1})},
                             {"b", torch::randn({32, 32, 3}) * 0.1},
                             {"c", torch::randn({1, 32, 1})}}),
      "");
}

// The last 4 million frames: a stream keeps them.
TEST(PlanningCost, LongTail) {
  EXPECT_EQ(planned_within_limits("def forward(self, x):\n"
                                  "  return torch.conv1d(x, self.a)[:, :, -4000000:]",
                                  {{"a", torch::randn({1, 1, 9})}}),
            "");
}

// The number of channels does not matter, and sixty weights of different sizes suggest sixty
// numbers.
TEST(PlanningCost, ChannelsThatDoNotMatter) {
  Weights weights;
  std::string source = "def forward(self, x):\n  y = torch.relu(x)\n";
  for (int i = 0; i < 60; ++i) {
    const std::string name = "w" + std::to_string(i);
    weights[name] = torch::randn({3 + i});
    source += "  y = y * self." + name + ".sum()\n";
  }
  source += "  return y - y.mean()";
  EXPECT_NE(planned_within_limits(source, weights), "");
}

// Otherwise planning a torch.nn.Sequential, whose nodes have no line of the author, would take time
// that grows with the square of its size.
TEST(PlanningCost, LinesAreSearchedInAFewNodes) {
  const auto source = std::make_shared<torch::jit::Source>("y = x", std::string("model.py"), 1);
  for (const auto& [nodes, line] : {std::pair(10, "near model.py:1"), std::pair(1000, "")}) {
    torch::jit::Graph graph;
    for (int i = 0; i < nodes; ++i) graph.insertConstant(i);
    torch::jit::Node* last = graph.insertConstant(nodes)->node();
    last->setSourceRange(torch::jit::SourceRange(source, 0, 5));
    EXPECT_EQ(graph::source_line(*graph.nodes().begin()), line);
    EXPECT_EQ(graph::source_line(last), "model.py:1");
  }
}

}  // namespace
}  // namespace torchstreamer::testing
