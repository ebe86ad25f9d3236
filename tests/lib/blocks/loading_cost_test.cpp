// Loading takes at most 2 s of CPU time and 300 MB in addition to the weights, whether a model is
// called block by block, or refused with advice on a window.
#include "expect_says.h"
#include "lib/blocks/block_rig.h"
#include "lib/support/cost_limits.h"
#include "lib/support/script_model.h"
#include "temporary_folder.h"

namespace torchstreamer::testing {
namespace {

struct CostCase {
  const char* name;
  std::string source;
  std::map<std::string, Tensor> weights;
  CallOptions call;
  const char* error;  // a part of it; empty if the model is loaded
};

void PrintTo(const CostCase& c, std::ostream* out) { *out << c.name; }

// Four convolutions over each window: about 0.01 s.
std::string deep_source(const std::string& last) {
  return "def forward(self, x):\n"
         "  y = torch.conv1d(x, self.a, None, [1], [1])\n"
         "  for i in range(3):\n"
         "    y = y + torch.relu(torch.conv1d(y, self.b, None, [1], [1]))\n"
         "  y = torch.conv1d(y, self.c)\n  " +
         last;
}

const std::map<std::string, Tensor> kDeepWeights = {{"a", torch::randn({32, 1, 3})},
                                                    {"b", torch::randn({32, 32, 3}) * 0.05},
                                                    {"c", torch::randn({1, 32, 1})}};

std::vector<CostCase> cost_cases() {
  std::vector<CostCase> cases = {
      {"long_windows", deep_source("return y"), kDeepWeights, calls_of(8192), ""},
      {"overlapping_windows", deep_source("return y.mean(2)"), kDeepWeights, calls_of(4096, 64),
       ""},
      {"many_windows",
       "def forward(self, x):\n  return torch.matmul(x, self.w).sum(2)",
       {{"w", torch::randn({4000, 256})}},
       calls_of(4000, 1),
       ""},
      {"long_kernel",
       "def forward(self, x):\n  return torch.conv1d(x, self.w)",
       {{"w", torch::randn({64, 1, 1024})}},
       calls_of(8192),
       ""},
      {"large_recurrence",
       "def forward(self, x):\n"
       "  h = torch.zeros([1, x.size(0), 512])\n"
       "  y, a, b = torch.lstm(x.transpose(1, 2), [h, h], [self.i, self.h], False, 1, 0.0, False, "
       "False, True)\n"
       "  return y.mean(2)",
       {{"i", torch::randn({2048, 1}) * 0.05}, {"h", torch::randn({2048, 512}) * 0.05}},
       calls_of(512),
       ""},
      {"fails_at_the_end", deep_source("return torch.matmul(y, self.d)"), kDeepWeights,
       calls_of(4096), "windows of 4096 frames"},
      {"advice", deep_source("return torch.matmul(y, self.d)"), kDeepWeights, {}, "window=1000"},
      {"many_sizes",
       deep_source("assert y.size(2) == 16000, 'takes 8000, 4000, 2000, 1000, 6000 or 12000'\n"
                   "  return y / y.max()"),
       kDeepWeights,
       {},
       "the model raises"},
      {"attention_of_any_size",
       "def forward(self, x):\n"
       "  y = torch.matmul(x.transpose(1, 2), self.w)\n"
       "  for i in range(20):\n"
       "    s = torch.matmul(y, y.transpose(1, 2)) + torch.arange(y.size(1)) * 1e-4\n"
       "    y = y + torch.matmul(torch.softmax(s, -1), y)\n"
       "  return y.transpose(1, 2)",
       {{"w", torch::randn({1, 8})}},
       {},
       "has no period of up to"}};
  // Sixty weights of different sizes suggest as many numbers of channels, which may be a batch.
  CostCase channels{"channels_that_may_be_a_batch", "", {}, calls_of(4096), "windows of 4096"};
  channels.source = "def forward(self, x):\n  assert x.dim() == 2\n  y = torch.relu(x)\n";
  for (int i = 0; i < 60; ++i) {
    const std::string name = "w" + std::to_string(i);
    channels.weights[name] = torch::randn({100 + i});
    channels.source += "  y = y * self." + name + ".sum()\n";
  }
  channels.source +=
      "  y = torch.conv1d(y.unsqueeze(1), torch.ones([64, 1, 3]))\n"
      "  return torch.matmul(y.mean(2), torch.ones([3, 3]))";
  cases.push_back(channels);
  for (CostCase& c : cases)
    if (c.source.find("self.d") != std::string::npos) c.weights["d"] = torch::randn({1000, 3});
  return cases;
}

class LoadingCost : public ::testing::TestWithParam<CostCase> {};

TEST_P(LoadingCost, IsLimited) {
  const CostCase& c = GetParam();
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  scripted(c.source, c.weights).save(path);
  std::string error;
  expect_within_limits([&] { error = error_of([&] { load_model(path, options_of(c.call)); }); });
  if (*c.error == 0)
    EXPECT_EQ(error, "");
  else
    EXPECT_SAYS(c.error, error);
}

INSTANTIATE_TEST_SUITE_P(Models, LoadingCost, ::testing::ValuesIn(cost_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace torchstreamer::testing
