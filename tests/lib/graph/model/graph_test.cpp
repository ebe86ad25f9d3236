// TorchScript files: the stream equals the model, including both ends of the signal, or the model
// is refused with a helpful error.

#include <ATen/Parallel.h>

#include <cstdlib>
#include <regex>
#include <thread>

#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/model_files.h"
#include "lib/support/script_model.h"
#include "temporary_folder.h"

namespace torchstreamer::testing {
namespace {

namespace fs = std::filesystem;

using Model = LoadedModel;

// Without padding the output is the part of the padded output that does not depend on padding.
TEST(Graph, ValidPaddingGivesTheMiddleOfTheModel) {
  torch::NoGradGuard guard;
  struct Case {
    const char* name;
    int64_t lost_frames, start;
  };
  for (const auto& [name, lost_frames, start] :
       {Case{"residual", 18, 9}, Case{"same3", 2, 1}, Case{"blocks", 14, 7},
        Case{"same_even", 9, 4}, Case{"up3", 0, 0}, Case{"in_place", 4, 2}}) {
    SCOPED_TRACE(name);
    Model model({std::string(name) + ".script.pt"}, Padding::kValid);
    const Tensor x = torch::randn({model.channels, 200});
    const Tensor y = run(*model.stream, x, {3, 50, 0, 147});
    Expected expected = expected_of(model.offline(), x);
    ASSERT_TRUE(y.defined());
    ASSERT_EQ(y.size(1), expected.y.size(1) - lost_frames);
    expected.y = expected.y.narrow(1, start, y.size(1));
    expect_within_rounding(y, expected);
  }
}

TEST(Graph, ThePlanIsReadable) {
  const auto stream = load_stream(models() / "residual.script.pt");
  const std::string plan = stream->describe();
  for (const char* part : {"Conv1d(3 -> 3, kernel 5", "batch_norm", "leaky_relu", "Pad(8, 8", "add",
                           "basic_models.py:", "conv", "<- input"})
    EXPECT_SAYS(part, plan);
}

// The plan holds for long signals. If the model treats a short one differently, the remaining
// output comes from the model itself. If that contradicts output already pushed, the end of the
// signal is an error, never a wrong output.
TEST(Graph, ShortSignalsMayBeTreatedDifferently) {
  for (const std::string name : {"ramp", "pad_to_60", "join"}) {
    Model model({"short_" + name + ".script.pt"});
    int errors = 0;
    for (int64_t frames = 1; frames < 100; ++frames) {
      SCOPED_TRACE(::testing::Message() << name << " frames " << frames);
      Random random(base_seed() + frames);
      const Tensor x = model.signal(frames);
      try {
        expect_equal(*model.stream, model.offline(), x, random_chunks(random, frames));
      } catch (const Error& e) {
        EXPECT_SAYS("differently from longer ones", e.what());
        EXPECT_SAYS(" frames would work", e.what());
        if (name == "join")
          EXPECT_ANY_THROW(model.offline()(x));  // short operands differ in length
        else
          ++errors;
      }
    }
    // Only the ramp changes frames that have already been emitted.
    EXPECT_EQ(errors > 0, name == "ramp");
    EXPECT_LT(errors, 30);
  }
}

// The plan without source locations.
std::string plan_of(const std::string& source, const std::map<std::string, Tensor>& weights) {
  const std::string plan = ScriptedStream(scripted(source, weights)).stream->describe();
  const std::string without_places = std::regex_replace(plan, std::regex("  #[^\n]*"), "");
  return std::regex_replace(without_places, std::regex("guard: [^\n]*: "), "guard: ");
}

TEST(Graph, PlansAsText) {
  EXPECT_EQ(plan_of("def forward(self, x):\n"
                    "  y = torch.conv1d(torch.constant_pad_nd(x, [2, 0]), self.weight)\n"
                    "  return torch.tanh(y) + x",
                    {{"weight", torch::randn({1, 1, 3})}}),
            "0: input <- input\n"
            "1: Pad(2, 0, zeros) <- 0\n"
            "2: Conv1d(1 -> 1, kernel 3, stride 1, dilation 1, groups 1) <- 1\n"
            "3: tanh <- 2\n"
            "4: add <- 3 0\n"
            "5: output <- 4");
  EXPECT_EQ(plan_of("def forward(self, x):\n"
                    "  y = torch.conv1d(x, self.down, None, [2])\n"
                    "  return torch.conv_transpose1d(y, self.up, None, [2])[:, :, 1:-1]",
                    {{"down", torch::randn({2, 1, 4})}, {"up", torch::randn({2, 1, 4})}}),
            "0: input <- input\n"
            "1: Conv1d(1 -> 2, kernel 4, stride 2, dilation 1, groups 1) <- 0\n"
            "2: ConvTranspose1d(2 -> 1, kernel 4, stride 2, dilation 1, groups 1) <- 1\n"
            "3: Trim(first 1, last 1) <- 2\n"
            "4: output <- 3\n"
            "guard: its input is too short for a frame of output");
  EXPECT_EQ(plan_of("def forward(self, x):\n"
                    "  return torch.cumsum(x.view(1, -1, 4).mean(-1), -1) * self.gain",
                    {{"gain", torch::randn({1})}}),
            "0: input <- input\n"
            "1: view <- 0\n"
            "2: mean <- 1\n"
            "3: cumsum <- 2\n"
            "4: mul <- 3\n"
            "5: output <- 4\n"
            "guard: the length of its input is not a multiple of 4 frames");
}

// The signals are longer than the input that is kept for an offline run.
TEST(Graph, AnErrorNamesLengthsThatWork) {
  ScriptedStream model(scripted("def forward(self, x):\n  return x.view(1, -1, 16).mean(-1)"));
  expect_equal(*model.stream, model.offline(), model.signal(16000), {7000, 9000});
  model.stream->forward(model.signal(20001));
  EXPECT_SAYS("20000 or 20016 frames would work",
              error_of([&] { model.stream->forward(model.signal(0), true); }));
  expect_equal(*model.stream, model.offline(), model.signal(64), {64});
}

TEST(Graph, ChannelsOfTheSignal) {
  LoadOptions five;
  five.channels = 5;
  EXPECT_TRUE(load_stream(models() / "pointwise.script.pt", five)->forward(torch::randn({5, 3})));
  const auto stream = load_stream(models() / "gain2.script.pt");
  EXPECT_SAYS("takes 2 channels", error_of([&] { stream->forward(torch::randn({3, 4})); }));
  EXPECT_TRUE(stream->forward(torch::randn({2, 4})));
}

TEST(Graph, EachChannelIsProcessedIndependently) {
  LoadOptions each;
  each.each_channel = true;
  for (const char* name : {"blocks", "down2", "up3"}) {
    SCOPED_TRACE(name);
    const auto file = models() / (std::string(name) + ".script.pt");
    const auto mono = load_stream(file), stream = load_stream(file, each);
    EXPECT_SAYS("each channel", stream->describe());
    for (int64_t channels : {1, 3}) {
      const Tensor x = torch::randn({channels, 200});
      Tensors expected;
      for (int64_t c = 0; c < channels; ++c)
        expected.push_back(run(*mono, x.narrow(0, c, 1), {50, 150}));
      EXPECT_TRUE(run(*stream, x, {3, 50, 0, 147}).allclose(at::cat(expected), 0, 1e-6));
    }
  }
  EXPECT_THROW(load_stream(models() / "gain2.script.pt", each), OptionError);
}

TEST(Graph, EnginesConvertToTheTypeOfTheModel) {
  const std::unique_ptr<torchstreamer::Model> model(
      torchstreamer_load_model((models() / "double.script.pt").c_str(), {}));
  ASSERT_EQ(model->channels_in(), 2);
  const auto engine = model->start(2);
  const std::vector<float> in(2 * 50, 0.5f);
  std::vector<float> out(model->channels_out(2) * engine->frames_due(50, true));
  const void* in_planes[] = {in.data()};
  void* out_planes[] = {out.data()};
  engine->push(in_planes, 50, true, out_planes);
  auto script = torch::jit::load(models() / "double.script.pt");
  const Tensor expected =
      script.forward({torch::full({1, 2, 50}, 0.5, torch::kDouble)}).toTensor().squeeze(0).t();
  const Tensor y = torch::tensor(out).view({expected.size(0), -1}).to(torch::kDouble);
  EXPECT_LE((y - expected).abs().max().item<double>(), 1e-6);
  LoadOptions elsewhere;
  elsewhere.device = "cuda:7";
  EXPECT_THROW(torchstreamer_load_model((models() / "double.script.pt").c_str(), elsewhere), Error);
}

// Runs in a new process: loading the first model sets the number of threads.
void exit_with_threads_after_loading(const char* threads) {
  at::set_num_threads(3);
  if (threads)
    setenv("OMP_NUM_THREADS", threads, 1);
  else
    unsetenv("OMP_NUM_THREADS");
  const std::unique_ptr<torchstreamer::Model> model(
      torchstreamer_load_model((models() / "double.script.pt").c_str(), {}));
  std::thread([] { std::_Exit(at::get_num_threads()); }).join();
}

TEST(Graph, ElementsUseOneThreadUnlessOmpNumThreadsIsSet) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(exit_with_threads_after_loading(nullptr), ::testing::ExitedWithCode(1), "");
  EXPECT_EXIT(exit_with_threads_after_loading("2"), ::testing::ExitedWithCode(2), "");
  EXPECT_EXIT(exit_with_threads_after_loading("no number"), ::testing::ExitedWithCode(1), "");
}

TEST(Graph, ThreadsOfTheProcess) {
  const int before = at::get_num_threads();
  for (const int threads : {2, 1, before}) {
    set_threads(threads);
    EXPECT_EQ(at::get_num_threads(), threads);
  }
  EXPECT_THROW(set_threads(0), Error);
}

// An archive with noise in it.
TEST(Graph, ADamagedFileIsAnError) {
  const test::TemporaryFolder folder;
  std::ifstream in(models() / "residual.script.pt", std::ios::binary);
  std::string noise(std::istreambuf_iterator<char>(in), {});
  Random random(base_seed());
  for (size_t i = 4; i < noise.size(); i += 3) noise[i] = static_cast<char>(random.between(0, 255));
  std::ofstream(folder / "noise.pt", std::ios::binary) << noise;
  EXPECT_THROW(load_stream(folder / "noise.pt"), Error);
}

}  // namespace
}  // namespace torchstreamer::testing
