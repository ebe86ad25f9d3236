// Shapes of inputs and outputs of a call.
#include "expect_says.h"
#include "lib/blocks/block_rig.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

struct FormCase {
  const char* name;
  const char* source;
  int64_t window_frames;
  Layout layout;  // expected
  int64_t frames_out, channels_out;
  std::string output = "";
  Layout given = Layout::kAuto;
};

void PrintTo(const FormCase& c, std::ostream* out) { *out << c.source; }

LoadOptions blocks_of(int64_t window_frames, int64_t hop_frames = 0) {
  return options_of(calls_of(window_frames, hop_frames));
}

class Forms : public ::testing::TestWithParam<FormCase> {};

TEST_P(Forms, AreFound) {
  LoadOptions options = blocks_of(GetParam().window_frames);
  options.output = GetParam().output;
  options.layout = GetParam().given;
  const auto model = block_model(scripted(GetParam().source), options);
  const auto& form = model->first_plan().form();
  EXPECT_EQ(graph::name_of(form.layout), graph::name_of(GetParam().layout));
  EXPECT_EQ(form.frames_out, GetParam().frames_out);
  EXPECT_EQ(form.channels_out, GetParam().channels_out);
  EXPECT_EQ(model->timing().rate(), Rational(GetParam().frames_out, GetParam().window_frames));
  Random random(base_seed());
  EngineRun run(*model, 1, 0);
  const int64_t frames = 3 * GetParam().window_frames;
  const Tensor y = run(torch::randn({1, frames}), random_chunks(random, frames));
  EXPECT_EQ(y.size(0), 3 * GetParam().frames_out);
}

constexpr Layout kBct = Layout::kBatchChannelsTime, kCt = Layout::kChannelsTime, kT = Layout::kTime,
                 kBtc = Layout::kBatchTimeChannels, kTbc = Layout::kTimeBatchChannels,
                 kTc = Layout::kTimeChannels;

const FormCase kForms[] = {
    {"audio", "def forward(self, x):\n  return x * 2.0", 8, kBct, 8, 1},
    {"batch_and_frames", "def forward(self, x):\n  return x[:, 0, ::2]", 8, kBct, 4, 1},
    {"frames", "def forward(self, x):\n  return x[0, 0, ::2]", 8, kBct, 4, 1},
    {"channels", "def forward(self, x):\n  return torch.cat([x, x, -x], 1)", 8, kBct, 8, 3},
    {"vector", "def forward(self, x):\n  return x[:, 0, :5]", 8, kBct, 1, 5},
    {"scalar", "def forward(self, x):\n  return x.mean()", 8, kBct, 1, 1},
    {"float", "def forward(self, x) -> float:\n  return float(x.mean())", 8, kBct, 1, 1},
    {"integer", "def forward(self, x) -> int:\n  return x.size(2)", 8, kBct, 1, 1},
    {"boolean", "def forward(self, x) -> bool:\n  return bool(x.mean() > 0.0)", 8, kBct, 1, 1},
    {"integers", "def forward(self, x):\n  return (x > 0.0).sum(2)", 8, kBct, 1, 1},
    {"second", "def forward(self, x):\n  return x, x[:, 0, :3]", 8, kBct, 1, 3, "1"},
    {"optional_dictionary",
     "def forward(self, x) -> Tuple[int, Optional[Dict[str, Tensor]]]:\n"
     "  return 1, {'y': x[:, 0, :3]}",
     8, kBct, 1, 3, "1.y"},
    {"optional_tuple",
     "def forward(self, x) -> Optional[Tuple[int, Optional[Tuple[Tensor, Tensor]]]]:\n"
     "  return 1, (x, x[:, 0, :3])",
     8, kBct, 1, 3, "1.1"},
    {"second_number", "def forward(self, x):\n  return x, float(x.mean())", 8, kBct, 1, 1, "1"},
    {"one_size", "def forward(self, x):\n  assert x.size(2) == 8\n  return x * 2.0", 8, kBct, 8, 1},
    {"one_size_vector", "def forward(self, x):\n  assert x.size(2) == 8\n  return x[0, 0, :4]", 8,
     kBct, 1, 4},
    {"two_axes", "def forward(self, x):\n  assert x.dim() == 2\n  return x * 2.0", 8, kCt, 8, 1},
    {"one_axis", "def forward(self, x):\n  assert x.dim() == 1\n  return x * 2.0", 8, kT, 8, 1},
    {"time_first",
     "def forward(self, x):\n  assert x.size(1) == 1 and x.size(2) == 1\n  return x.cumsum(0)", 8,
     kTbc, 8, 1},
    {"time_second", "def forward(self, x):\n  assert x.size(2) == 1\n  return x.cumsum(1)", 8, kBtc,
     8, 1},
    {"time_before_channels",
     "def forward(self, x):\n  assert x.dim() == 2 and x.size(1) == 1\n  return x.cumsum(0)", 8,
     kTc, 8, 1},
    {"given", "def forward(self, x):\n  return x[:, ::4]", 8, kBtc, 2, 1, "", kBtc},
};

INSTANTIATE_TEST_SUITE_P(Kinds, Forms, ::testing::ValuesIn(kForms),
                         [](const auto& info) { return info.param.name; });

struct TwoChannels {
  Layout layout;
  const char* time_axis;
  std::vector<int64_t> weight_shape;
};

// Running sums of each window, with a different factor for each channel.
TEST(BlockLayouts, KeepFramesAndChannelsInOrder) {
  const TwoChannels cases[] = {{kBct, "2", {1, 2, 1}},
                               {kCt, "1", {2, 1}},
                               {kBtc, "1", {1, 1, 2}},
                               {kTbc, "0", {1, 1, 2}},
                               {kTc, "0", {1, 2}}};
  Random random(base_seed());
  const Tensor x = torch::randn({2, 24}), factors = torch::tensor({2.0F, 3.0F}).view({2, 1});
  const Tensor expected = (x.view({2, 3, 8}).cumsum(2).view({2, 24}) * factors).t();
  for (const TwoChannels& c : cases) {
    SCOPED_TRACE(graph::name_of(c.layout));
    LoadOptions options = blocks_of(8);
    options.layout = c.layout;
    options.channels = 2;
    const auto model =
        block_model(scripted(std::string("def forward(self, x):\n  return x.cumsum(") +
                                 c.time_axis + ") * self.w",
                             {{"w", factors.view(c.weight_shape)}}),
                    options);
    expect_near(EngineRun(*model, 2, 0)(x, random_chunks(random, 24)), expected);
  }
}

TEST(BlockChannels, AreThoseThatTheModelTakes) {
  const auto any = block_model(scripted("def forward(self, x):\n  return x * 2.0"), blocks_of(8));
  EXPECT_EQ(any->channels_in(), 0);
  EXPECT_EQ(any->channels_out(5), 5);
  EXPECT_THROW(any->start(0), Error);
  EngineRun run(*any, 2, 0);
  const Tensor x = torch::randn({2, 16});
  expect_same(run(x, {16}), x.t() * 2);

  const auto two = block_model(
      scripted("def forward(self, x):\n  assert x.size(1) == 2\n  return x.sum(1, True)"),
      blocks_of(8));
  EXPECT_EQ(two->channels_in(), 2);
  EXPECT_EQ(two->channels_out(2), 1);
  EXPECT_THROW(two->start(1), Error);
}

TEST(BlockChannels, MayBeIndependent) {
  LoadOptions options = blocks_of(8);
  options.each_channel = true;
  const auto model = block_model(scripted("def forward(self, x):\n  self.sum += x[0, 0, 0]\n"
                                          "  return torch.cat([x * self.sum, x], 1)",
                                          {{"sum", torch::zeros({1})}}),
                                 options);
  EXPECT_EQ(model->channels_in(), 0);
  EXPECT_EQ(model->channels_out(3), 6);
  Random random(base_seed());
  EngineRun run(*model, 3, 0);
  const Tensor x = torch::randn({3, 40});
  const Tensor y = run(x, random_chunks(random, 40));
  for (int64_t c = 0; c < 3; ++c) {
    const Tensor sums = x[c].view({5, 8}).select(1, 0).cumsum(0).repeat_interleave(8);
    EXPECT_TRUE(y.select(1, 2 * c).allclose(x[c] * sums)) << c;
    expect_same(y.select(1, 2 * c + 1), x[c]);
  }
}

TEST(BlockTypes, AreThoseOfTheModel) {
  const std::string source = "def forward(self, x):\n  return torch.conv1d(x, self.weight)";
  const Tensor weight = torch::randn({1, 1, 8}), x = torch::randn({1, 16});
  const auto expected = [&](at::ScalarType type) {
    const Tensor w = weight.to(type), compute = x.to(type);
    const auto compute_type = type == at::kDouble ? at::kDouble : at::kFloat;
    return torch::conv1d(x.view({2, 1, 8}).to(compute_type), w.to(compute_type))
        .view({2, 1})
        .to(at::kFloat);
  };
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    const auto model = block_model(scripted(source, {{"weight", weight}}, type), blocks_of(8));
    EngineRun run(*model, 1, 0);
    expect_near(run(x, {16}), expected(type));
    EXPECT_EQ(model->remarks().empty(), type == at::kFloat || type == at::kDouble);
  }
}

// The number of values in addition to the output changes from call to call.
TEST(BlockOutputs, AreFoundByNameInEachCall) {
  const char* const sources[] = {
      "def forward(self, x):\n"
      "  r: Dict[str, float] = {}\n"
      "  e = float(x.abs().mean())\n"
      "  if e < 0.05:\n"
      "    r['silence'] = 1.0\n"
      "  r['score'] = e\n"
      "  return r",
      "def forward(self, x) -> Tuple[Optional[Tensor], Tensor]:\n"
      "  e = x.abs().mean()\n"
      "  event: Optional[Tensor] = None\n"
      "  if bool(e < 0.05):\n"
      "    event = e + 9.0\n"
      "  return event, e"};
  const Tensor x = torch::cat({torch::ones({1, 4}), torch::zeros({1, 4}), torch::ones({1, 4})}, 1);
  for (const char* source : sources) {
    SCOPED_TRACE(source);
    LoadOptions options = blocks_of(4);
    options.output = source == sources[0] ? "score" : "";
    const auto model = block_model(scripted(source), options);
    expect_same(EngineRun(*model, 1, 0)(x, {5, 7}), torch::tensor({{1.0F}, {0.0F}, {1.0F}}));
  }
}

TEST(BlockOutputs, ThatAreMissingAreNamed) {
  LoadOptions options = blocks_of(4);
  options.output = "alexa";
  const auto model = block_model(scripted("def forward(self, x):\n"
                                          "  r: Dict[str, float] = {'jarvis': 0.25}\n"
                                          "  if bool(x.abs().mean() > 0.0):\n"
                                          "    r['alexa'] = 0.5\n"
                                          "  return r"),
                                 options);
  EngineRun run(*model, 1, 0);
  EXPECT_SAYS("it does not return its output 'alexa' this time, but jarvis", error_of([&] {
                run.push(torch::zeros({1, 4}), false);
              }));
  const auto nothing = scripted("def forward(self, x):\n  pass");
  EXPECT_SAYS("it returns no tensor and no number, but None",
              error_of([&] { block_model(nothing, blocks_of(4)); }));
  const auto text = scripted("def forward(self, x):\n  return ['speech']");
  EXPECT_SAYS("it returns no tensor and no number, but a value of type List[str]",
              error_of([&] { block_model(text, blocks_of(4)); }));
}

// Rejections of other layouts name the size of the window, and are the first and most of them.
TEST(BlockLayouts, FailWithTheTextOfTheLayoutThatTheModelTakes) {
  const std::pair<Layout, const char*> layouts[] = {{kBct, "x.dim() == 3 and x.size(2) == 8"},
                                                    {kCt, "x.dim() == 2 and x.size(1) == 8"},
                                                    {kT, "x.dim() == 1"},
                                                    {kBtc, "x.dim() == 3 and x.size(1) == 8"},
                                                    {kTbc, "x.dim() == 3 and x.size(0) == 8"},
                                                    {kTc, "x.dim() == 2 and x.size(0) == 8"}};
  const std::pair<const char*, const char*> failures[] = {
      {"  assert False, 'own text'\n", "own text"},
      {"  y = x * 2.0\n  assert bool(y.max() > 9.0), 'is quiet'\n", "is quiet"},
      {"  return torch.matmul(x, torch.zeros([3, 3]))\n", ""},
      {"  return (x, x.size(5))\n", ""}};
  for (const auto& [layout, condition] : layouts)
    for (const auto& [failure, text] : failures) {
      const std::string source = std::string("def forward(self, x):\n  assert ") + condition +
                                 ", 'takes windows of 8 frames in a different layout'\n" + failure +
                                 "  return x\n";
      SCOPED_TRACE(source);
      const std::string error = error_of([&] { block_model(scripted(source), blocks_of(8)); });
      EXPECT_SAYS(" as " + graph::name_of(layout), error);
      EXPECT_SAYS(text, error);
      EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "in a different layout", error);
    }
}

// The same text for all layouts is that of the first one, although [T] runs further, and so does
// [T, C] with the 512 channels that the weights suggest.
TEST(BlockLayouts, FailWithTheTextOfTheFirstOne) {
  const std::string error = error_of([&] {
    block_model(scripted("def forward(self, x):\n  if x.dim() == 1:\n    x = x.unsqueeze(0)\n"
                         "  assert x.dim() == 2, 'takes two axes'\n"
                         "  assert x.size(1) == 512, 'takes 512 frames, not {}'.format(x.size(1))\n"
                         "  return torch.matmul(x, self.w)\n",
                         {{"w", torch::ones({8, 512})}}),
                blocks_of(500));
  });
  EXPECT_SAYS(" as [C, T]: ", error);
  EXPECT_SAYS("takes 512 frames, not 500", error);
}

TEST(BlockOutputs, MayBeComplexAsChannels) {
  const auto module = scripted("def forward(self, x):\n  return torch.complex(x, -x)");
  LoadOptions options = blocks_of(8);
  EXPECT_THROW(block_model(module, options), OptionError);
  options.complex_output = ComplexOutput::kChannels;
  const auto model = block_model(module, options);
  EngineRun run(*model, 1, 0);
  const Tensor x = torch::randn({1, 8});
  expect_same(run(x, {8}), torch::cat({x, -x}, 0).t());
}

}  // namespace
}  // namespace torchstreamer::testing
