// Upsampling and cumulative operators.
#include <c10/util/StringUtil.h>

#include "lib/graph/rules/rates_source.h"

namespace torchstreamer::testing {
namespace {

std::string upsampled(const char* mode, const std::string& factor) {
  const bool is_linear = std::string(mode) == "upsample_linear1d";
  return returning(
      c10::str("torch.", mode, "(x, None, ", is_linear ? "False, " : "", "[", factor, "])"));
}

TEST(Rates, UpsamplingByIntegerAndFractionalFactors) {
  for (const char* mode : {"upsample_nearest1d", "_upsample_nearest_exact1d", "upsample_linear1d"})
    for (const char* factor : {"2.0", "3.0", "4.0", "7.0", "1.5", "1.7", "2.4", "2.75625", "0.5",
                               "0.75", "0.3", "0.3333333333333333", "1.0"}) {
      expect_source(upsampled(mode, factor));
      expect_short(upsampled(mode, factor), 12);
    }
  // torch rounds this position down: output frame 41 is input frame 0.
  expect_source(upsampled("upsample_nearest1d", "41.0"), 1, 6);
  // Linear upsampling copies signals whose length it would not change.
  for (const char* mode : {"upsample_nearest1d", "upsample_linear1d"})
    expect_short(upsampled(mode, "1.1"), 25);
}

// In long signals the rounding errors of torch's positions are large.
TEST(Rates, UpsamplingOfLongSignals) {
  torch::NoGradGuard guard;
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble})
    for (const char* mode : {"upsample_nearest1d", "upsample_linear1d"})
      for (const char* factor : {"3.0", "2.75625", "0.3"}) {
        const std::string source = upsampled(mode, factor);
        SCOPED_TRACE(::testing::Message() << source << " " << dtype);
        ScriptedStream model(scripted(source, {}, dtype));
        // In libtorch 2 the last bit of float64 positions varies, which is visible in long signals.
        const bool is_open = TORCH_VERSION_MAJOR >= 2 && dtype == at::kDouble &&
                             std::string(mode) == "upsample_linear1d";
        const int64_t frames = is_open ? 3000 : std::string(factor) == "0.3" ? 3000000 : 700000;
        expect_equal(*model.stream, model.offline(), model.signal(frames),
                     {frames / 3, 1, frames - frames / 3 - 1});
      }
}

TEST(Rates, UpsamplingIsExactBeyondThePrecisionOfFloat32) {
  ScriptedStream model(scripted(upsampled("upsample_linear1d", "3.0")));
  const Timing& timing = model.stream->timing();
  for (const int64_t hours : {1, 24, 24 * 365}) {
    const int64_t frames = hours * 3600 * 48000;
    EXPECT_EQ(timing.frames_out(frames, true), 3 * frames);
    EXPECT_EQ(timing.frames_out(frames, false), 3 * frames - 2);
  }
  for (int64_t frames = 2796200; frames < 2796206; ++frames) {
    EXPECT_GE(timing.frames_out(frames + 1, false), timing.frames_out(frames, false));
    EXPECT_NEAR(timing.frames_out(frames, false), 3 * frames - 2, 1);
  }
}

TEST(Rates, UpsamplingToASize) {
  expect_source(returning("torch.upsample_nearest1d(x, [x.size(2) * 3])"));
  expect_source(returning("torch.upsample_linear1d(x, [x.size(2) * 2], False)"));
  expect_source(
      "def forward(self, x):\n  y = torch.avg_pool1d(torch.constant_pad_nd(x, [0, "
      "(-x.size(2)) % 4], 0.0), [4], [4])\n  return torch.upsample_linear1d(y, "
      "[4 * y.size(2)], False)");
  expect_source(returning("torch.upsample_nearest1d(x[:, :, ::2], None, [2.0])[:, :, 1:]"));
  for (const char* operation :
       {"torch.upsample_nearest1d(x, [x.size(2) * 3 // 2])",
        "torch.upsample_linear1d(x, [x.size(2) + 1], False)", "torch.upsample_nearest1d(x, [16])"})
    expect_refused(returning(operation), {"upsample", "changes with the length", "scale_factor"});
  expect_refused(returning("torch.upsample_linear1d(x, None, True, [2.0])"),
                 {"align_corners=False"});
  expect_refused(returning("torch.upsample_nearest1d(x, [3 * x.size(2)], 2.0)"), {"contradicts"});
  expect_refused(returning("torch.upsample_nearest1d(x, None, [1.41421356])"),
                 {"not a ratio of small integers"});
}

// run_decompositions() of torch.export computes the positions of nearest upsampling.
TEST(Rates, UpsamplingAsPositions) {
  for (const char* factor : {"1.5", "2.5", "0.75", "1.3333333333333333"}) {
    const std::string source = c10::str(
        "def forward(self, x):\n"
        "  n = x.size(2)\n"
        "  at = torch.arange(int(n * ",
        factor, "), dtype=6) * (float(n) / (float(n) * ", factor,
        "))\n"
        "  return x[:, :, at.to(4)]");
    expect_source(source);
    expect_short(source, 40);
  }
}

// Linear upsampling as run_decompositions() of torch 2.14 writes it. `step`: distance of positions;
// `start`: the first one.
std::string interpolating(const std::string& factor, const std::string& step,
                          const std::string& start = "0.0") {
  return "def forward(self, x):\n"
         "  n = x.size(2)\n"
         "  count = int(float(n) * " +
         factor +
         ")\n"
         "  middles = (torch.arange(0, count, 1).to(x.dtype) + 0.5) * " +
         step +
         "\n"
         "  at = torch.reshape(torch.clamp(middles - 0.5, " +
         start +
         "), [count])\n"
         "  i = at.to(4)\n"
         "  before: List[Optional[Tensor]] = [None, None, i]\n"
         "  after: List[Optional[Tensor]] = [None, None, torch.clamp(i + 1, None, n - 1)]\n"
         "  y = torch.index(x, before)\n"
         "  z = torch.index(x, after)\n"
         "  return y + (z - y) * torch.clamp(at - i, 0.0, 1.0)";
}

TEST(Rates, LinearUpsamplingAsPositions) {
  const std::pair<const char*, const char*> factors[] = {{"2.0", "0.5"},
                                                         {"3.0", "0.3333333333333333"},
                                                         {"1.5", "0.6666666666666666"},
                                                         {"0.75", "1.3333333333333333"}};
  for (const auto& [factor, step] : factors) {
    SCOPED_TRACE(factor);
    Random random(base_seed());
    ScriptedStream model(scripted(interpolating(factor, step)), 2);
    expect_streams(model, random);
    EXPECT_SAYS("linear", model.stream->describe());
  }
  expect_refused(interpolating("2.0", "0.5", "0.25"), {"aten::index"});
}

TEST(Rates, UpsamplingOfADifferentAxis) {
  expect_source(
      returning("torch.upsample_nearest1d(x.transpose(1, 2), None, [3.0]).transpose(1, 2)"));
  expect_source(returning("torch.upsample_linear1d(x.transpose(1, 2), [5], True).transpose(1, 2)"));
  expect_source(
      returning("torch.upsample_nearest2d(x.unsqueeze(1), None, [2.0, 1.0]).reshape(1, 4, -1)"));
}

TEST(Rates, CumulativeOperators) {
  for (const char* operation :
       {"torch.cumsum(x, 2)", "torch.cumsum(x, -1, dtype=7)", "torch.cumsum(x, 1)",
        "torch.cumprod(x, 2)", "torch.logcumsumexp(x, 2)", "torch.cummax(x, 2)[0]",
        "torch.cummin(x, 2)[0]", "torch.cummax(x, 1)[0]", "torch.cumsum(x > 0, 2) * 1.0",
        "torch.cummax(torch.round(x), 2)[1] * 1.0", "torch.cummin(torch.round(x), 2)[1] * 1.0",
        "torch.cumsum(x, 2) / torch.cumsum(torch.ones_like(x), 2)",
        "torch.cumsum(x.transpose(1, 2), 1).transpose(1, 2)"})
    expect_source(returning(operation));
}

// The error of a sum in float32 would be far larger than the tolerance.
TEST(Rates, CumulativeSumsDoNotDrift) {
  ScriptedStream model(scripted(returning("torch.cumsum(x, 2)")));
  const Tensor x = torch::rand({1, 400000}) + 0.1;
  expect_equal(*model.stream, model.offline(), x, std::vector<int64_t>(4000, 100));
}

}  // namespace
}  // namespace torchstreamer::testing
