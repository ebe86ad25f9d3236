// Several windows in one call.
#include "lib/blocks/block_rig.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

LoadOptions block_options(int64_t window_frames, int64_t hop_frames) {
  return options_of(calls_of(window_frames, hop_frames));
}

// reset() writes an attribute, but the calls do not.
TEST(BlockBatches, AreThoseOfCallsWithoutState) {
  torch::jit::Module module = scripted("def forward(self, x):\n  return x.mean(2)");
  module.register_attribute("calls", c10::IntType::get(), int64_t{0});
  module.define("def reset(self):\n  self.calls = 0\n");
  const auto model = block_model(module, block_options(8, 2));
  EXPECT_FALSE(model->first_plan().method()->keeps_state());
  EXPECT_GT(model->first_plan().batches().most_rows(), 1);
}

// The output of a window depends on the other windows of a call.
TEST(BlockBatches, AreOneWindowIfWindowsMayDependOnEachOther) {
  LoadOptions options = block_options(8, 2);
  for (const char* body :
       {"return x.mean(2) if bool(x.abs().max() < 20.0) else -x.mean(2)",
        "return x.mean(2) * (1.0 if float(x.abs().max()) < 20.0 else -1.0)",
        "return x.mean(2) * max(20.0, x.abs().max().item())",
        "n = 1\n  while bool((x * n).abs().max() < 20.0) and n < 64:\n    n *= 2\n  return "
        "x.mean(2) * n",
        "return x.mean(2) / torch.clamp(x.abs().max(), min=20.0)",
        "return x.mean(2) if x.count_nonzero() > 0 else x.mean(2) + 1.0", "return x.squeeze()",
        "return torch.where(x.pow(2).mean() > 1e-9, torch.sign(x.mean(2)), x.mean(2) * 0.0)",
        "s = torch.amax(x.abs(), 2)\n  return torch.where(s.mean() > 0.9, x.mean(2), -x.mean(2))",
        "return torch.where(x.flatten().abs().amax(0) > 0.9, x.mean(2), -x.mean(2))"}) {
    SCOPED_TRACE(body);
    const auto module = scripted(std::string("def forward(self, x):\n  ") + body);
    const auto model = block_model(module, options);
    EXPECT_EQ(model->first_plan().batches().most_rows(), 1);
    Tensor x = torch::randn({1, 400});
    x.narrow(1, 100, 100).mul_(100);
    x.narrow(1, 200, 50).mul_(1e-5);
    x.narrow(1, 250, 50).mul_(0);
    Tensors expected;
    for (int64_t start = 0; start + 8 <= 400; start += 2)
      expected.push_back(module.get_method("forward")({x.narrow(1, start, 8).unsqueeze(0).clone()})
                             .toTensor()
                             .reshape({-1, model->channels_out(1)}));
    expect_same(EngineRun(*model, 1, 0)(x, {130, 150, 120}), torch::cat(expected));
  }
}

// The bits of a row depend on the number of rows, as those of a matrix product may.
TEST(BlockBatches, AreUnitsIfSingleRowsHaveOtherBits) {
  const auto model =
      block_model(scripted("def forward(self, x):\n"
                           "  return x[:, 0, :1] * (1.0 if x.size(0) >= 4 else 1.001)"),
                  block_options(8, 2));
  EXPECT_EQ(model->first_plan().batches().unit_rows(), 32);
  Random random(base_seed());
  const Tensor x = torch::randn({1, 1000});
  for (int repetition = 0; repetition < 8; ++repetition) {
    const Tensor y = EngineRun(*model, 1, 0)(x, random_chunks(random, 1000));
    expect_same(y.slice(0, 0, 497), x[0].slice(0, 0, 993, 2).unsqueeze(1));
  }
}

// Shapes and types of tensors are the same for each number of windows.
TEST(BlockBatches, MayReadShapes) {
  const auto model =
      block_model(scripted("def forward(self, x):\n"
                           "  assert x.dim() == 3 and x.size(2) == 8 and x.is_floating_point()\n"
                           "  return x.mean(2) * (1.0 / x.shape[2])"),
                  block_options(8, 2));
  EXPECT_GT(model->first_plan().batches().most_rows(), 1);
}

// As many windows as are there, for long hops, too.
TEST(BlockBatches, HaveLongHops) {
  const auto module = scripted(
      "def forward(self, x):\n"
      "  return torch.cat([x.amax(2), x.abs().mean(2)], 1)");
  Random random(base_seed());
  for (const int64_t hop_frames : {512, 1024, 4096}) {
    SCOPED_TRACE(hop_frames);
    const auto model = block_model(module, block_options(4096, hop_frames));
    const auto& batches = model->first_plan().batches();
    EXPECT_EQ(batches.most_rows(), 16384 / hop_frames);
    EXPECT_EQ(batches.unit_rows(), 1);
    const Tensor x = torch::randn({1, 70000});
    torch::jit::Module own = module.deepcopy();
    const Tensor expected = UserLoop{4096, hop_frames}(
        x, [&](const Tensor& window) { return own({window.unsqueeze(0)}).toTensor(); });
    EngineRun run(*model, 1, 0);
    expect_same(run(x, {70000}), expected);
    expect_same(run(x, random_chunks(random, 70000)), expected);
  }
}

// Each window has 4000 * 1024 multiply-adds. The time of the calls does not matter.
TEST(BlockBatches, AreLimitedByMultiplyAdds) {
  const auto model = block_model(scripted("def forward(self, x):\n  return x.matmul(self.w)[:, 0]",
                                          {{"w", torch::zeros({4000, 1024})}}),
                                 block_options(4000, 64));
  EXPECT_EQ(model->first_plan().batches().most_rows(), 16);
}

TEST(BlockBatches, AreLimitedByOperators) {
  const auto most_rows = [](int operators) {
    const std::string source = "def forward(self, x):\n  for i in range(" +
                               std::to_string(operators) +
                               "):\n    x = x * 1.0\n  return x.mean(2)";
    return block_model(scripted(source), block_options(8, 2))->first_plan().batches().most_rows();
  };
  EXPECT_GT(most_rows(1000), 1);
  EXPECT_EQ(most_rows(5000), 1);
}

}  // namespace
}  // namespace torchstreamer::testing
