// The signals on which a plan is compared with its model, and the text about them.
#include "graph/model/proof.h"

#include "expect_says.h"
#include "lib/graph/attention/attention_source.h"
#include "streams/pointwise.h"

namespace torchstreamer::testing {
namespace {

// Returns the text about a network of one frame of memory whose plan holds for some lengths.
std::string proof_of(const std::function<bool(int64_t frames)>& holds) {
  PointwiseOptions same{[](const Tensors& in) { return in[0]; }, "same"};
  const Format in{at::kFloat, at::kCPU, {1}};
  const graph::OfflineRule offline = [](const Tensor& x) { return x; };
  const std::vector<graph::Guard> guards = {{holds, "violated"}};
  std::vector<Network::Node> nodes = {{pointwise_layer(same), {Network::kSource}, {}}};
  const auto network = std::make_shared<graph::PlannedNetwork>(
      nodes, std::make_shared<graph::Guards>(nullptr, guards, offline, in, 1), graph::ForwardCall{},
      Execution::kReference);
  return graph::prove(network, offline, nullptr, in, 0, /*is_traced=*/false);
}

// Returns the proof of a plan that returns the signal itself, for a model `own` with the run
// `exact` in float64.
std::string proof_of(const graph::OfflineRule& own, const graph::OfflineRule& exact) {
  PointwiseOptions same{[](const Tensors& in) { return in[0]; }, "same"};
  const Format in{at::kFloat, at::kCPU, {1}};
  std::vector<Network::Node> nodes = {{pointwise_layer(same), {Network::kSource}, {}}};
  const auto network = std::make_shared<graph::PlannedNetwork>(
      nodes, std::make_shared<graph::Guards>(nullptr, std::vector<graph::Guard>(), own, in, 1),
      graph::ForwardCall{}, Execution::kReference);
  return graph::prove(network, own, exact, in, 0, /*is_traced=*/false);
}

// Multiplies one frame.
graph::OfflineRule with_frame(int64_t frame, double factor) {
  return [=](const Tensor& x) {
    const Tensor y = x.clone();
    y.select(1, frame < 0 ? frame + x.size(1) : std::min(frame, x.size(1) - 1)).mul_(factor);
    return y;
  };
}

TEST(Proof, AWrongFrameIsRefused) {
  for (const int64_t frame : {0, 7, -1}) {
    const auto wrong = with_frame(frame, 1.001);
    EXPECT_THROW(proof_of(wrong, nullptr), Refusal) << frame;
    EXPECT_THROW(proof_of(wrong, wrong), Refusal) << frame;
    const auto slightly_wrong = with_frame(frame, 1.0001);
    EXPECT_THROW(proof_of(slightly_wrong, slightly_wrong), Refusal) << frame;
  }
  const graph::OfflineRule shifted = [](const Tensor& x) { return x.roll(1, 1); };
  EXPECT_THROW(proof_of(shifted, shifted), Refusal);
}

// The model's own rounding is as large as the difference.
TEST(Proof, RoundingIsNotRefused) {
  const graph::OfflineRule exact = [](const Tensor& x) { return x.clone(); };
  EXPECT_EQ(proof_of(with_frame(3, 1 + 3e-5), exact), "");
}

TEST(Proof, AComparisonAddsNoText) {
  EXPECT_EQ(proof_of([](int64_t) { return true; }), "");
  EXPECT_EQ(proof_of([](int64_t frames) { return frames % 8 == 0; }), "");
}

TEST(Proof, APlanThatWasNotComparedHasAText) {
  for (const int64_t multiple : {1 << 18, 1 << 20})
    EXPECT_SAYS("by its graph alone",
                proof_of([=](int64_t frames) { return frames % multiple == 0; }));
}

// Returns the description of the stream of a model with two channels.
std::string described(const torch::jit::Module& module, int64_t max_memory_frames) {
  LoadOptions options;
  options.channels = 2;
  options.max_memory_frames = max_memory_frames;
  return graph::ScriptModel(module, at::kCPU).plan(options)->describe();
}

// The memory of 1,000 frames does not depend on the option, which limits attention alone.
TEST(Proof, TheLongestSignalLimitsAttentionOverAllEarlierFramesAlone) {
  torch::NoGradGuard guard;
  const auto conv = scripted(
      "def forward(self, x):\n"
      "  return torch.conv1d(torch.constant_pad_nd(x, [999, 0]), self.w, None, [1], [0], [999])",
      {{"w", torch::randn({2, 2, 2})}});
  for (const int64_t max_memory_frames : {0, 3000})
    EXPECT_EQ(described(conv, max_memory_frames).find("proof"), std::string::npos);
  const auto causal = attention("    y = DOT(q, k, v, None, CAUSAL)\n");
  EXPECT_SAYS("random signals of up to 750 frames", described(causal, 3000));
}

// The time of the model grows with the square of the length, that of its stream does not.
TEST(Proof, ManyLayersOfAttentionAreComparedOnShortSignals) {
  torch::NoGradGuard guard;
  const auto layers = scripted(
      "def forward(self, x):\n"
      "  y = x.transpose(1, 2)\n"
      "  for i in range(80):\n"
      "    n = torch.arange(y.size(1))\n"
      "    d = n.unsqueeze(1) - n\n"
      "    s = torch.matmul(torch.matmul(y, self.a), y.transpose(1, 2))\n"
      "    s = torch.masked_fill(s, (d < 0) | (d > 7), -1e9)\n"
      "    y = y + 0.1 * torch.matmul(torch.softmax(s, -1), y)\n"
      "  return y.transpose(1, 2)",
      {{"a", torch::randn({2, 2}) * 0.02}});
  EXPECT_SAYS("signals as long as the receptive field take too much time", described(layers, 0));
}

}  // namespace
}  // namespace torchstreamer::testing
