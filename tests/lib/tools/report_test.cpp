// Reports of large networks, and the timings in them.
#include "tools/report/report.h"

#include "lib/support/cost_limits.h"
#include "lib/support/model_files.h"
#include "lib/support/script_model.h"
#include "network/node_timings.h"
#include "torchstreamer/error.h"

namespace torchstreamer::testing {
namespace {

// Plans the model and makes its report, within the limits of time and memory.
tools::Report reported_within_limits(const std::string& source,
                                     const std::map<std::string, Tensor>& weights,
                                     Execution execution = Execution::kNative) {
  const graph::ScriptModel model(scripted(source, weights), at::kCPU);
  tools::Report report;
  expect_within_limits([&] {
    LoadOptions options;
    options.execution = execution;
    const auto network = std::dynamic_pointer_cast<const Network>(model.plan(options));
    report = tools::make_report(model, network, options, /*rate_hz=*/48000);
  });
  return report;
}

// 15 million weights, which are read for each frame.
TEST(ReportCost, OfAWideConvolution) {
  const auto report = reported_within_limits(
      "def forward(self, x):\n"
      "  x = torch.conv1d(x, self.a)\n"
      "  return torch.conv1d(torch.conv1d(x, self.b), self.c)",
      {{"a", torch::randn({512, 1, 1})},
       {"b", torch::randn({512, 512, 57}) * 0.01},
       {"c", torch::randn({1, 512, 1})}});
  EXPECT_EQ(report.receptive_field_frames, 57);
  EXPECT_GE(report.memory.bytes, 56 * 512 * 4);
}

TEST(ReportCost, OfALongConvolution) {
  const auto report =
      reported_within_limits("def forward(self, x):\n  return torch.conv1d(x, self.a)",
                             {{"a", torch::randn({16, 1, 920000}) * 0.01}});
  EXPECT_EQ(report.receptive_field_frames, 920000);
  EXPECT_GE(report.memory.bytes, 919999 * 4);
}

TEST(ReportCost, OfTwoHundredAndFiftyResidualBlocks) {
  const auto report = reported_within_limits(
      "def forward(self, x):\n"
      "  x = torch.conv1d(x, self.a)\n"
      "  for i in range(250):\n"
      "    x = x + torch.relu(torch.conv1d(x, self.b, None, [1], [1])) * 0.1\n"
      "  return x",
      {{"a", torch::randn({16, 1, 1})}, {"b", torch::randn({16, 16, 3}) * 0.1}});
  EXPECT_GT(report.processes.size(), 1000u);
  EXPECT_EQ(report.processes.back().receptive_field_frames, 501);
}

// Pushes are few, because each one runs every operator of the network.
TEST(Report, MeasuresTheMemoryForEachRemainderOfTheStride) {
  for (const int64_t stride : {1, 7, 200}) {
    const auto report =
        reported_within_limits("def forward(self, x):\n  return torch.conv1d(x, self.a, None, [" +
                                   std::to_string(stride) + "])",
                               {{"a", torch::randn({1, 1, 200})}}, Execution::kReference);
    EXPECT_GE(report.memory.bytes, 199 * 4);
    EXPECT_GE(report.memory.single_frames, 2 * stride);
    EXPECT_LE(report.memory.single_frames, 2 * stride + 2);
  }
}

// The kernel of clamp() does not run: its output is 0, by which the division fails.
TEST(Report, OfOperatorsThatRaiseExceptions) {
  const auto report = reported_within_limits(
      "def forward(self, x):\n"
      "  y = torch.clamp(x * 127 + 128, 1.0, 255.0)\n"
      "  return torch.div(self.a, y.long(), rounding_mode='floor').float()",
      {{"a", torch::full({1}, 1000L)}});
  EXPECT_GT(report.memory.bytes, 0);
}

void expect_same(const Timing& a, const Timing& b) {
  EXPECT_EQ(a.rate(), b.rate());
  EXPECT_EQ(a.period_frames(), b.period_frames());
  EXPECT_EQ(a.receptive_field_frames(), b.receptive_field_frames());
  EXPECT_EQ(a.look_ahead_frames(), b.look_ahead_frames());
  EXPECT_EQ(a.settling_frames(), b.settling_frames());
  for (const int64_t frames : {0, 1, 777, 10000})
    for (const bool final : {false, true})
      EXPECT_EQ(a.frames_out(frames, final), b.frames_out(frames, final)) << frames;
}

// Every third family.
TEST(NodeTimings, AreThoseOfTheNetworksUpToEachNode) {
  int networks = 0, files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(models() / "families")) {
    if (entry.path().extension() != ".pt" || ++files % 3 != 0) continue;
    SCOPED_TRACE(entry.path());
    std::shared_ptr<const Network> network;
    try {
      LoadOptions options;
      network = std::dynamic_pointer_cast<const Network>(
          graph::ScriptModel(entry.path(), at::kCPU).plan(options));
    } catch (const Error&) {
      continue;  // needs a bound of its memory, or arguments
    }
    const auto timings = node_timings(*network);
    const auto& nodes = network->nodes();
    ASSERT_EQ(timings.size(), nodes.size());
    for (size_t n = 0; n < nodes.size(); ++n)
      expect_same(timings[n], Network::timing_of({nodes.begin(), nodes.begin() + n + 1}));
    ++networks;
  }
  EXPECT_GT(networks, 50);
}

}  // namespace
}  // namespace torchstreamer::testing
