// Layouts of the model's tensor: the stream equals the model in each, and the search finds it.
#include "graph/model/layout.h"

#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

using To = std::function<Tensor(const Tensor&)>;

struct Case {
  const char* name;
  Layout layout;  ///< layout that the search finds
  int64_t channels;
  std::string source;
  To argument;  ///< argument for the signal `[C, T]`
  To signal;    ///< `[C, T]` for the output
};

constexpr char kLstm[] =
    "def forward(self, x):\n"
    "  h = torch.zeros([1, %BATCH%, 3], dtype=x.dtype)\n"
    "  y, a, b = torch.lstm(x, [h, h], [self.i, self.h], False, 1, 0.0, False, False, %FIRST%)\n"
    "  return torch.matmul(y, self.mix)";

std::string lstm(const std::string& batch, const std::string& is_batch_first) {
  std::string source = kLstm;
  source.replace(source.find("%BATCH%"), 7, batch);
  return source.replace(source.find("%FIRST%"), 7, is_batch_first);
}

std::vector<Case> cases() {
  const auto batch = [](const Tensor& x) { return x.unsqueeze(0); };
  const auto no_batch = [](const Tensor& y) { return y.squeeze(0); };
  const auto btc = [](const Tensor& x) { return x.t().unsqueeze(0); };
  const auto of_btc = [](const Tensor& y) { return y.squeeze(0).t(); };
  const auto tbc = [](const Tensor& x) { return x.t().unsqueeze(1); };
  const auto of_tbc = [](const Tensor& y) { return y.squeeze(1).t(); };
  const auto tc = [](const Tensor& x) { return x.t(); };
  const std::string conv = "torch.conv1d(x.transpose(1, 2), self.taps).transpose(1, 2)";
  return {
      {"bct", Layout::kBatchChannelsTime, 2,
       "def forward(self, x):\n  return torch.conv1d(x, self.taps)", batch, no_batch},
      {"bct_returns_btc", Layout::kBatchChannelsTime, 2,
       "def forward(self, x):\n  return torch.conv1d(x, self.taps).transpose(1, 2)", batch, of_btc},
      {"ct", Layout::kChannelsTime, 2,
       "def forward(self, x):\n  return torch.conv1d(x.unsqueeze(0), self.taps)[0]",
       [](const Tensor& x) { return x; }, [](const Tensor& y) { return y; }},
      {"btc_lstm", Layout::kBatchTimeChannels, 2, lstm("x.size(0)", "True"), btc, of_btc},
      {"btc_conv", Layout::kBatchTimeChannels, 2, "def forward(self, x):\n  return " + conv, btc,
       of_btc},
      {"btc_returns_tc", Layout::kBatchTimeChannels, 2,
       "def forward(self, x):\n  return (" + conv + ")[0]", btc,
       [](const Tensor& y) { return y.t(); }},
      {"btc_returns_bct", Layout::kBatchTimeChannels, 2,
       "def forward(self, x):\n  return torch.conv1d(x.transpose(1, 2), self.taps)", btc, no_batch},
      {"tbc_lstm", Layout::kTimeBatchChannels, 2, lstm("x.size(1)", "False"), tbc, of_tbc},
      {"tbc_running_sum", Layout::kTimeBatchChannels, 2,
       "def forward(self, x):\n  return torch.cumsum(torch.matmul(x, self.up), 0)", tbc, of_tbc},
      {"tc", Layout::kTimeChannels, 2,
       "def forward(self, x):\n  return torch.conv1d(x.t().unsqueeze(0), self.taps)[0].t()", tc,
       tc},
  };
}

torch::jit::Module module_of(const Case& c, at::ScalarType type) {
  torch::manual_seed(base_seed());
  return scripted(c.source,
                  {{"taps", torch::randn({3, 2, 5})},
                   {"up", torch::randn({2, 4})},
                   {"mix", torch::randn({3, 2})},
                   {"i", torch::randn({12, 2})},
                   {"h", torch::randn({12, 3})}},
                  type);
}

Offline::Run run_of(const Case& c, at::ScalarType type) {
  return [c, module = module_of(c, type)](const Tensor& x) mutable {
    return c.signal(module.forward({c.argument(x).contiguous()}).toTensor()).contiguous();
  };
}

Layout layout_of(const LayerPtr& network) {
  return dynamic_cast<const graph::PlannedNetwork&>(*network).call().layout;
}

class Layouts : public ::testing::TestWithParam<Case> {};

TEST_P(Layouts, TheSearchFindsTheLayoutAndTheStreamEqualsTheModel) {
  torch::NoGradGuard guard;
  const Case& c = GetParam();
  LoadOptions options;
  const LayerPtr network = graph::ScriptModel(module_of(c, at::kFloat), at::kCPU).plan(options);
  EXPECT_EQ(options.layout, c.layout);
  EXPECT_EQ(layout_of(network), c.layout);
  EXPECT_EQ(options.channels, c.channels);
  LayerStream stream(network);
  Random random(base_seed());
  const Offline offline(run_of(c, at::kFloat), run_of(c, at::kDouble));
  for (const int64_t frames : {300, 61, 7, 5}) {
    SCOPED_TRACE(::testing::Message() << frames << " frames, seed " << base_seed());
    const Tensor x = torch::randn({c.channels, frames});
    expect_equal(stream, offline, x, random_chunks(random, frames));
  }
}

std::string name_of_case(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(All, Layouts, ::testing::ValuesIn(cases()), name_of_case);
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// Axis 1 is the channels in one layout and time in the other: both stream, with different results.
TEST(Layouts, AnOptionChoosesBetweenLayoutsThatBothStream) {
  torch::NoGradGuard guard;
  const graph::ScriptModel model(
      scripted("def forward(self, x):\n  return torch.cumsum(x, 1) * self.weight"), at::kCPU);
  const Tensor x = torch::randn({2, 40});
  LoadOptions found;
  found.channels = 2;
  LayerStream over_channels(model.plan(found));
  EXPECT_EQ(found.layout, Layout::kBatchChannelsTime);
  LoadOptions chosen;
  chosen.channels = 2;
  chosen.layout = Layout::kBatchTimeChannels;
  graph::ScriptModel same(
      scripted("def forward(self, x):\n  return torch.cumsum(x, 1) + self.weight"), at::kCPU);
  LayerStream over_time(same.plan(chosen));
  EXPECT_EQ(chosen.layout, Layout::kBatchTimeChannels);
  EXPECT_TRUE(run(over_time, x, {7, 33}).allclose(x.cumsum(1), 0, 1e-5));
}

// Frames that are computed one by one could be a batch, so that a layout with time first is not
// chosen automatically.
TEST(Layouts, TimeBeforeChannelsIsFoundOnlyIfTheModelComputesOverTime) {
  const graph::ScriptModel model(
      scripted("def forward(self, x):\n  return torch.matmul(x, self.weight)",
               {{"weight", torch::randn({7, 3})}}),
      at::kCPU);
  EXPECT_SAYS(
      "as [B, T, C] it computes every frame independently: choose this layout if "
      "that is meant",
      error_of([&] {
        LoadOptions options;
        model.plan(options);
      }));
  LoadOptions chosen;
  chosen.layout = Layout::kBatchTimeChannels;
  EXPECT_EQ(model.plan(chosen)->accept({{at::kFloat, at::kCPU, {7}}}).channels(), 3);
}

TEST(Layouts, OneAxisHasOneChannel) {
  const graph::ScriptModel model(scripted("def forward(self, x):\n  return x * 2"), at::kCPU);
  LoadOptions options;
  options.layout = Layout::kTime;
  options.channels = 2;
  EXPECT_THROW(model.plan(options), OptionError);
}

TEST(Layouts, ShapesAndNames) {
  const Tensor x = torch::arange(6).view({2, 3});
  for (const Layout layout : graph::kLayouts) {
    const std::string axes = graph::axes_of(layout);
    const Tensor signal = axes.find('C') == axes.npos ? x.slice(0, 0, 1) : x;
    const Tensor argument = graph::as_argument(signal, layout);
    EXPECT_EQ(argument.dim(), static_cast<int64_t>(axes.size()));
    EXPECT_TRUE(argument.is_contiguous());
    EXPECT_NE(argument.data_ptr(), signal.data_ptr());
    const int time = static_cast<int>(axes.find('T'));
    EXPECT_EQ(argument.size(time), 3);
    EXPECT_TRUE(graph::as_signal(argument, time).equal(signal)) << axes;
  }
  EXPECT_EQ(graph::name_of(Layout::kTimeBatchChannels), "[T, B, C]");
}

}  // namespace
}  // namespace torchstreamer::testing
