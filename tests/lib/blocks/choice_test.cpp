// Models that are planned, called block by block, or refused.
#include "blocks/method/method_params.h"
#include "expect_says.h"
#include "lib/blocks/block_cases.h"
#include "lib/support/script_model.h"
#include "temporary_folder.h"

namespace torchstreamer::testing {
namespace {

std::string load_error(const std::string& file, const LoadOptions& options) {
  return error_of([&] { load_model(block_file(file), options); });
}

std::string load_error(const std::string& file, const CallOptions& call) {
  return load_error(file, options_of(call));
}

struct BadCase {
  const char* name;
  const char* file;
  CallOptions call;
  std::vector<std::string> parts;  // of the error
};

void PrintTo(const BadCase& c, std::ostream* out) { *out << c.name; }

class BadBlocks : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadBlocks, AreNamed) {
  const std::string error = load_error(GetParam().file, GetParam().call);
  for (const std::string& part : GetParam().parts) EXPECT_SAYS(part, error);
}

const BadCase kBad[] = {
    {"negative_window", "amp", calls_of(-1), {"window is -1 frames"}},
    {"negative_hop", "amp", calls_of(150, -3), {"hop is -3 frames", "0 to 150"}},
    {"hop_beyond_window", "amp", calls_of(150, 151), {"hop is 151 frames", "0 to 150"}},
    {"hop_without_window", "amp", calls_of(0, 10), {"hop is set without window"}},
    {"size",
     "vad",
     calls_of(500),
     {"windows of 500 frames as [C, T]",
      "Provided number of samples is 500 (Supported values: 256"}},
    {"size_of_linear", "classifier", calls_of(3000), {"windows of 3000 frames"}},
    {"raised_size",
     "keyword_score",
     calls_of(4000),
     {"windows of 4000 frames", "expected [1, 8000], got"}},
    {"argument", "knobs", calls_of(32, 0, {{"gian", 1.0}}), {"no argument 'gian'"}},
    {"missing", "knobs", calls_of(32), {"'gain'"}},
    {"shape_of_state",
     "explicit_tensors",
     calls_of(32, 0, {{"gain", 1.0}, {"context", std::string("zeros(2)")}}),
     {"windows of 32 frames", "its state 'context' is [2] in the first call"}},
    {"signal", "explicit", calls_of(100, 0, {{"x", 1.0}}), {"'x' is the signal"}},
    {"method", "autoencoder", calls_of(64, 0, {}, "decipher"), {"decipher", "encode"}},
};

INSTANTIATE_TEST_SUITE_P(Values, BadBlocks, ::testing::ValuesIn(kBad),
                         [](const auto& info) { return info.param.name; });

TEST(BlockOptions, AreNotThoseOfPlans) {
  LoadOptions options = options_of(calls_of(150));
  options.padding = Padding::kValid;
  EXPECT_SAYS("padding=valid is for streams that are planned", load_error("amp", options));
  options.padding = Padding::kModel;
  EXPECT_THROW(load_stream(block_file("amp"), options), OptionError);
  EXPECT_PRED_FORMAT2(
      ::testing::IsSubstring, "hop is set without window: set window",
      error_of([&] { load_stream(block_file("amp"), options_of(calls_of(0, 10))); }));
}

TEST(BlockRates, MustBeThoseOfTheModel) {
  LoadOptions options = options_of(calls_of(512));
  const auto model = load_model(block_file("vad"), options);
  const auto error_at = [&](int64_t rate_hz) {
    return error_of([&] { EngineRun run(*model, 1, rate_hz); });
  };
  EXPECT_EQ(error_at(16000), "");
  EXPECT_SAYS("Provided number of samples is 512", error_at(8000));
  EXPECT_SAYS("Supported sampling rates", error_at(44100));
  EXPECT_EQ(error_at(0).find("forward() needs the sample rate as its argument 'sr'"), 0u);
}

TEST(BlockRates, MustNotChangeTheOutput) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  scripted(
      "def forward(self, x, sr: int):\n"
      "  return x.mean(2) if sr == 48000 else x[:, 0, :5]")
      .save(path);
  LoadOptions options = options_of(calls_of(8));
  const auto model = load_model(path, options);
  EXPECT_EQ(model->channels_out(1), 1);
  EXPECT_NO_THROW(model->start(1, 48000));
  EXPECT_SAYS("returns 1 frames of 5 channels at 16000 Hz",
              error_of([&] { model->start(1, 16000); }));
}

TEST(BlockAdvice, NamesTheProperties) {
  const auto advice = [](const char* file) { return load_error(file, CallOptions()); };
  EXPECT_SAYS("window=512 calls it block by block", advice("vad"));
  EXPECT_SAYS("window=8000 calls it block by block", advice("keyword_score"));
  EXPECT_SAYS("window=4500 calls it block by block", advice("keyword_cells"));
  EXPECT_SAYS("window=FRAMES calls it block by block", advice("spectrum"));
}

// Each reason for which a window may help.
TEST(BlockAdvice, IsGivenForAllReasons) {
  const std::pair<const char*, const char*> cases[] = {
      {"x / x.abs().max()", "FRAMES"},
      {"x - x.mean(2, True)", "FRAMES"},
      {"torch.group_norm(x, 1)", "FRAMES"},
      {"torch.adaptive_avg_pool1d(x, 5)", "FRAMES"},
      {"torch.softmax(x, 2)", "FRAMES"},
      {"x[:, :, -1]", "FRAMES"},
      {"x.flip(2)", "FRAMES"},
      {"torch.fft_rfft(x).abs()", "FRAMES"},
      {"torch.layer_norm(x, [x.size(2)])", "FRAMES"},
      {"torch.matmul(x, torch.ones(512, 4))", "512"},
      {"x.view(1, 1, 4500).mean(2)", "4500"},
      {"self.checked(x)", "512"}};
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  for (const auto& [body, window] : cases) {
    SCOPED_TRACE(body);
    scripted(c10::str("def checked(self, x):\n  assert x.dim() == 2, 'has two axes'\n",
                      "  assert x.size(1) == 512, 'takes 512 frames'\n  return x\n",
                      "def forward(self, x):\n  return ", body))
        .save(path);
    const std::string error = error_of([&] { load_model(path); });
    EXPECT_SAYS(std::string("window=") + window + " calls it block by block", error);
  }
}

TEST(DescribedMethods, NeedNoProperties) {
  const auto module = torch::jit::load(block_file("autoencoder"));
  const auto params = blocks::method_params(module, "decode");
  ASSERT_TRUE(params);
  EXPECT_EQ(params->channels_in, 4);
  EXPECT_EQ(params->ratio_in, 16);
  EXPECT_EQ(params->channels_out, 2);
  EXPECT_EQ(params->ratio_out, 1);
  EXPECT_EQ(params->window_frames, 4);
  EXPECT_EQ(blocks::method_params(module, "encode")->window_frames, 64);
  EXPECT_FALSE(blocks::method_params(module, "get_gain"));
}

struct DescribedCase {
  const char* method;
  int channels_in, channels_out;
  Rational rate;
};

TEST(DescribedMethods, HaveTheirChannelsAndRates) {
  Random random(base_seed());
  const DescribedCase cases[] = {{"", 1, 2, 1},
                                 {"encode", 1, 4, Rational(1, 16)},
                                 {"decode", 4, 2, 16},
                                 {"rms", 1, 1, Rational(1, 64)}};
  for (const DescribedCase& c : cases) {
    SCOPED_TRACE(c.method);
    LoadOptions options;
    options.call.method = c.method;
    const auto model = load_model(block_file("autoencoder"), options);
    EXPECT_EQ(model->channels_out(c.channels_in), c.channels_out);
    EXPECT_EQ(model->timing().rate(), c.rate);
    torch::NoGradGuard guard;
    torch::jit::Module module = torch::jit::load(block_file("autoencoder"));
    EngineRun run(*model, c.channels_in, 0);
    const Tensor x = torch::randn({c.channels_in, 640});
    const std::string method = *c.method ? c.method : "forward";
    const Tensor expected = module.run_method(method, x.unsqueeze(0)).toTensor()[0].t();
    expect_near(run(x, random_chunks(random, 640)), expected.contiguous());
  }
}

// rms() takes only multiples of 64 frames: a plan would end other signals with an error.
TEST(DescribedMethods, PadTheLastBlock) {
  Random random(base_seed());
  LoadOptions options;
  options.call.method = "rms";
  const auto model = load_model(block_file("autoencoder"), options);
  EXPECT_EQ(model->window_frames(), 64);
  torch::NoGradGuard guard;
  torch::jit::Module module = torch::jit::load(block_file("autoencoder"));
  EngineRun run(*model, 1, 0);
  for (const int64_t frames : {1, 63, 64, 65, 650}) {
    SCOPED_TRACE(frames);
    const Tensor x = torch::randn({1, frames});
    const Tensor padded = at::constant_pad_nd(x, {0, (64 - frames % 64) % 64});
    const Tensor expected = module.run_method("rms", padded.unsqueeze(0)).toTensor()[0].t();
    expect_near(run(x, random_chunks(random, frames)), expected.contiguous());
  }
}

// The other methods are planned: encode() drops the last incomplete frame, as the model does.
TEST(DescribedMethods, ArePlannedIfTheyTakeAllLengths) {
  for (const char* method : {"forward", "encode", "decode"}) {
    LoadOptions options;
    options.call.method = method;
    EXPECT_EQ(load_model(block_file("autoencoder"), options)->window_frames(), 0) << method;
  }
}

// A plan is one call, which would count once.
TEST(DescribedMethods, AreCalledIfTheyCountTheirCalls) {
  torch::jit::Module module("m");
  module.register_buffer("forward_params", torch::tensor({1, 1, 1, 1}));
  module.register_buffer("encode_params", torch::tensor({1, 1, 1, 64}));
  module.register_attribute("calls", c10::IntType::get(), int64_t{0});
  module.define(R"(
def encode(self, x):
  return x[:, :, ::64]
def forward(self, x):
  self.calls = self.calls + 1
  return x * float(self.calls)
)");
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  module.save(path);
  const auto model = load_model(path);
  EXPECT_EQ(model->window_frames(), 64);
  const Tensor y = EngineRun(*model, 1, 0)(torch::ones({1, 128}), {50, 78});
  expect_same(y, torch::cat({torch::full({64, 1}, 1.0F), torch::full({64, 1}, 2.0F)}));
}

TEST(DescribedMethods, HaveAttributes) {
  torch::NoGradGuard guard;
  LoadOptions options = options_of(calls_of(64, 0, {}, "encode"));
  options.call.attributes = {{"gain", 2.0}};
  const auto model = load_model(block_file("autoencoder"), options);
  torch::jit::Module module = torch::jit::load(block_file("autoencoder"));
  module.run_method("set_gain", 2.0);
  EngineRun run(*model, 1, 0);
  const Tensor x = torch::randn({1, 256});
  const Tensor expected = module.run_method("encode", x.unsqueeze(0)).toTensor()[0].t();
  expect_near(run(x, {100, 156}), expected.contiguous());
}

TEST(BlockSettings, AreReadFromTheFile) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "knobs.pt").string();
  torch::jit::load(block_file("knobs"))
      .save(path, {{"torchstreamer.json",
                    R"({"window": 32, "hop": 16, "tail": "drop", "sample_rate": 16000,
                        "inputs": {"gain": {"default": 0.5, "min": 0, "max": 1}}})"}});
  const auto model = load_model(path);
  EXPECT_EQ(model->window_frames(), 32);
  EXPECT_EQ(model->hop_frames(), 16);
  EXPECT_EQ(model->sample_rate_hz(), 16000);
  EXPECT_THROW(model->start(1, 48000), Error);
  EngineRun run(*model, 1, 16000);
  const Tensor x = torch::randn({1, 60});
  const Tensor windows = torch::cat({x.slice(1, 0, 32), x.slice(1, 16, 48)}, 1);
  expect_same(run(x, {60}), (windows * 0.5).t());
  EXPECT_THROW(run.engine().set_inputs({{"gain", 1.5}}), OptionError);
}

// libtorch ends the process for `x.size(2) % 0`.
TEST(BlockChoice, RefusesDivisionsByZero) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  scripted("def forward(self, x):\n  return x * float(x.size(2) % 0)").save(path);
  EXPECT_SAYS("it divides 8192 by 0", error_of([&] { load_model(path, {}); }));
  EXPECT_SAYS("it divides 64 by 0", error_of([&] { load_model(path, options_of(calls_of(64))); }));
}

// The stream ends with an error for the length that the model does not take.
TEST(BlockChoice, PlansDivisionsByOtherNumbers) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  scripted("def forward(self, x):\n  return x * float(min(x.size(2) // (x.size(2) - 5), 1))")
      .save(path);
  const auto model = load_model(path, {});
  EngineRun run(*model, 1, 0);
  EXPECT_NE(error_of([&] { run(torch::randn({1, 5}), {5}); }), "");
  const Tensor x = torch::randn({1, 50});
  expect_same(run(x, {20, 30}), x.t());
}

}  // namespace
}  // namespace torchstreamer::testing
