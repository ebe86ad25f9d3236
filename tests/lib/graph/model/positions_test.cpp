// Tensors that depend only on the length of the signal: zeros, ones, positions and values computed
// from them run natively and equal the model.
#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/model_files.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

class Positions : public ::testing::TestWithParam<const char*> {};

TEST_P(Positions, AreNativeAndEqualTheModel) {
  const std::string source =
      std::string("def forward(self, x):\n  t = x.size(2)\n  return ") + GetParam();
  const std::map<std::string, Tensor> weights = {{"w", torch::randn({1, 3, 1})}};
  ScriptedStream model(scripted(source, weights), /*channels=*/3);
  Random random(base_seed());
  for (const int64_t frames : {int64_t{1}, int64_t{2}, int64_t{50}, int64_t{9000}})
    expect_equal(*model.stream, model.offline(), model.signal(frames),
                 random_chunks(random, frames));
  LoadOptions options;
  options.channels = 3;
  const LayerPtr network = graph::ScriptModel(model.module, at::kCPU).plan(options);
  const auto& planned = dynamic_cast<const graph::PlannedNetwork&>(*network);
  ASSERT_NE(planned.program(), nullptr);
  EXPECT_FALSE(has_fallback(*planned.program())) << network->describe();
  EXPECT_TRUE(planned.guards().all().empty()) << network->describe();
}

INSTANTIATE_TEST_SUITE_P(
    Models, Positions,
    ::testing::Values("x + torch.zeros([1, 3, t])", "torch.zeros([t]) + x",
                      "x * torch.ones([1, 1, t])", "x - torch.full([3, t], 0.25)",
                      "x + torch.zeros_like(x) + torch.ones_like(x)", "torch.full_like(x, 0.5) * x",
                      "x + x.new_zeros([1, 3, t])",
                      "x * x.new_ones([t]) + x.new_full([1, 3, t], -2.0)",
                      "torch.cat([x, torch.ones([1, 2, t])], 1)", "x + torch.arange(t)",
                      "x * torch.arange(t).float()", "x + torch.arange(t) * 0.01",
                      "x * torch.sin(torch.arange(t) * self.w)", "x + torch.arange(3, t + 3)",
                      "x + torch.arange(-2, t - 2, 1)", "x / (torch.arange(t) + 1)"));

// The model fails if the operands of its sum have different lengths: for 2 to 39 frames.
TEST(PositionsOfOtherLengths, AreGuarded) {
  ScriptedStream model(
      scripted("def forward(self, x):\n  return x + torch.zeros([max(x.size(2), 40)])"));
  expect_equal(*model.stream, model.offline(), model.signal(40), {40});
  expect_equal(*model.stream, model.offline(), model.signal(1), {1});
  EXPECT_THROW(run(*model.stream, model.signal(39), {39}), Error);
}

// The model fails for odd lengths, long ones included.
TEST(PositionsOfOtherLengths, OfLongSignalsAreRefused) {
  EXPECT_SAYS("differ in length", error_of<Refusal>([&] {
                ScriptedStream model(
                    scripted("def forward(self, x):\n"
                             "  return x + torch.linspace(0.0, 0.0, x.size(2) // 2 * 2)"));
              }));
}

}  // namespace
}  // namespace torchstreamer::testing
