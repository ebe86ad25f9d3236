// Arguments, tails and failures of calls.
#include <thread>

#include "expect_says.h"
#include "lib/blocks/block_cases.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

std::shared_ptr<const Model> load(const std::string& file, const CallOptions& call) {
  return load_model(block_file(file), options_of(call));
}

// The model computes its own loop.
TEST(BlockCalls, OfAVadEqualItsAudioForward) {
  torch::NoGradGuard guard;
  Random random(base_seed());
  torch::jit::Module module = torch::jit::load(block_file("vad"));
  for (const auto& [rate_hz, frames] : {std::pair{16000, 512}, std::pair{8000, 256}}) {
    const auto model = load("vad", calls_of(frames));
    EngineRun run(*model, 1, rate_hz);
    for (int i = 0; i < 3; ++i) {
      const int64_t length = random.between(1, 8 * frames);
      const Tensor x = torch::randn({1, length});
      const Tensor expected = module.run_method("audio_forward", x, rate_hz).toTensor();
      expect_same(run(x, random_chunks(random, length)), expected.t());
    }
  }
}

TEST(BlockCalls, OfARecurrentAmpEqualItsRunOverTheWholeSignal) {
  torch::NoGradGuard guard;
  Random random(base_seed());
  torch::jit::Module module = torch::jit::load(block_file("stateful_amp"));
  for (const Tail tail : {Tail::kPad, Tail::kShort}) {
    CallOptions call = calls_of(64);
    call.tail = tail;
    const auto model = load("stateful_amp", call);
    EngineRun run(*model, 1, 0);
    const Tensor x = torch::randn({1, 1000});
    module.run_method("reset");
    const Tensor whole = module({x.t().unsqueeze(1)}).toTensor().squeeze(1);
    expect_near(run(x, random_chunks(random, 1000)), whole);
  }
}

TEST(BlockCalls, EndAsTheTailSelects) {
  Random random(base_seed());
  for (const BlockCase& row : block_cases())
    for (const Tail tail : {Tail::kPad, Tail::kDrop, Tail::kShort}) {
      const bool takes_any = std::string(row.file) == "explicit" || row.is_batch;
      if (tail == Tail::kShort && !takes_any) continue;
      SCOPED_TRACE(::testing::Message() << row.name << ", tail " << static_cast<int>(tail));
      BlockCase c = row;
      c.call.tail = tail;
      EngineRun run(*c.load(), c.channels, c.rate_hz);
      const int64_t window_frames = c.call.window_frames;
      for (const int64_t frames : {window_frames - 1, 2 * window_frames + window_frames / 2}) {
        // The amp takes no windows of fewer frames than its kernel.
        if (tail == Tail::kShort && frames < 100) continue;
        const Tensor x = torch::randn({c.channels, frames});
        const Tensor y = run(x, random_chunks(random, frames));
        row.is_batch ? expect_near(y, c.expected(x)) : expect_same(y, c.expected(x));
      }
    }
}

TEST(BlockCalls, GetNewInputsFromTheNextCallOn) {
  const auto model = load("knobs", calls_of(32, 0, {{"gain", 0.5}}));
  EngineRun run(*model, 1, 0);
  const Tensor x = torch::randn({1, 96});
  run.push(x.narrow(1, 0, 40), false);
  run.engine().set_inputs({{"gain", 2.0}});
  run.push(x.narrow(1, 40, 56), true);
  const Tensor gains = torch::cat({torch::full({32}, 0.5), torch::full({64}, 2.0)});
  expect_same(run.take(), (x[0] * gains).unsqueeze(1));
  // The next signal keeps the value.
  expect_same(run(x, {96}), (x * 2.0).t());
}

// The state is that of a new stream, and the weights are those of the first model.
TEST(BlockCalls, OfModelsWithOtherInputsShareTheWeights) {
  const auto options = [](double gain) {
    return options_of(
        calls_of(100, 0, {{"gain", gain}, {"context", std::string("zeros(1, 1, 8)")}}));
  };
  const auto file = torch::jit::load(block_file("explicit_tensors"));
  const auto first = block_model(file, options(0.5));
  const auto other = first->with_inputs(options(2.0).call.inputs);
  const auto loaded = block_model(file, options(2.0));
  ASSERT_TRUE(other);
  const Tensor x = torch::randn({1, 1000});
  EngineRun(*first, 1, 0)(x, {1000});
  expect_same(EngineRun(*other, 1, 0)(x, {300, 700}), EngineRun(*loaded, 1, 0)(x, {1000}));
  const auto weights = [](const Model& model) {
    const auto& block = dynamic_cast<const blocks::BlockModel&>(model);
    return (*block.first_plan().method()->model().module().parameters().begin()).data_ptr();
  };
  EXPECT_EQ(weights(*other), weights(*first));
  EXPECT_THROW(first->with_inputs({{"gain", std::string("loud")}}), Error);
}

TEST(BlockCalls, KeepTheirInputsIfNewOnesAreWrong) {
  const auto model = load("knobs", calls_of(32, 0, {{"gain", 0.5}}));
  EngineRun run(*model, 1, 0);
  const auto set = [&](const NamedValues& inputs) {
    return error_of([&] { run.engine().set_inputs(inputs); });
  };
  EXPECT_SAYS("no argument 'volume'", set({{"volume", 1.0}}));
  EXPECT_SAYS("'gain'", set({{"gain", std::string("loud")}, {"unused", int64_t{1}}}));
  EXPECT_SAYS("'data' is the signal", set({{"data", 1.0}}));
  const Tensor x = torch::randn({1, 32});
  expect_same(run(x, {32}), (x * 0.5).t());

  const auto with_state = load("explicit", calls_of(100));
  EngineRun states(*with_state, 1, 0);
  EXPECT_SAYS("'state' is the state", error_of([&] {
                states.engine().set_inputs({{"state", std::string("zeros(1, 1, 7)")}});
              }));
}

TEST(BlockCalls, RunInSeveralThreads) {
  const BlockCase& c = block_cases()[0];
  const auto model = c.load();
  const Tensor x = torch::randn({1, 6000});
  const Tensor expected = c.expected(x);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      EngineRun run(*model, 1, c.rate_hz);
      for (int64_t n = 0; n < 4; ++n) expect_same(run(x, {100 + i, 1000, 4900 - i}), expected);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(BlockCalls, FailWithTheTextOfTheModelAndContinue) {
  torch::jit::Module module("m");
  module.register_attribute("calls", c10::IntType::get(), 0);
  module.define(R"(
def forward(self, x):
  self.calls = self.calls + 1
  assert bool(x.max() < 50.0), 'the signal is too loud'
  return x * float(self.calls)
)");
  const auto model = block_model(module, options_of(calls_of(8)));
  EngineRun run(*model, 1, 0);
  const Tensor x = torch::ones({1, 16});
  Tensor loud = x.clone();
  loud[0][12] = 99;
  const std::string error = error_of([&] { run.push(loud, false); });
  EXPECT_SAYS("the signal is too loud", error);
  EXPECT_SAYS("at frame 8 of the signal", error);
  EXPECT_EQ(run.engine().frames_in(), 0);
  run.take();
  const Tensor counts = torch::cat({torch::ones({8}), torch::full({8}, 2.0)}).unsqueeze(1);
  expect_same(run(x, {5, 11}), counts);
}

TEST(BlockCalls, FailIfTheirOutputChangesItsSize) {
  torch::jit::Module module("m");
  module.register_attribute("calls", c10::IntType::get(), 0);
  module.define(R"(
def forward(self, x):
  self.calls = self.calls + 1
  return x[:, :, :4] if self.calls < 4 else x
)");
  const auto model = block_model(module, options_of(calls_of(8)));
  EngineRun run(*model, 1, 0);
  EXPECT_SAYS("returns 1 frames of 8 channels, not 1 of 4", error_of([&] {
                run.push(torch::randn({1, 64}), false);
              }));
}

TEST(BlockCalls, EndWithAnErrorIfTheModelTakesNoShortCall) {
  CallOptions call = calls_of(512);
  call.tail = Tail::kShort;
  const auto model = load("vad", call);
  EngineRun run(*model, 1, 16000);
  run.push(torch::randn({1, 600}), false);
  EXPECT_THROW(run.engine().push(nullptr, 0, true, nullptr), Error);
  EXPECT_EQ(run.engine().frames_in(), 0);
  run.take();
  EXPECT_EQ(run(torch::randn({1, 1024}), {1024}).size(0), 2);
}

std::string exported_file(const std::string& name) {
  const char* folder = std::getenv("TORCHSTREAMER_EXPORTED");
  return std::string(folder ? folder : ".") + "/" + name + ".pt2";
}

// Each call halves the scale.
TEST(BlockCalls, OfExportedProgramsKeepTheirBuffers) {
  for (const char* name : {"torch-2.6/mutated", "torch-2.6/mutated_core", "torch-2.14/mutated",
                           "torch-2.14/mutated_core"}) {
    SCOPED_TRACE(name);
    LoadOptions options = options_of(calls_of(32));
    const auto model = load_model(exported_file(name), options);
    EngineRun run(*model, 2, 0);
    const Tensor x = torch::randn({2, 96});
    const Tensor scales = torch::tensor({0.5F, 0.25F, 0.125F}).repeat_interleave(32);
    for (int signal = 0; signal < 2; ++signal)
      expect_same(run(x, {20, 70, 6}), (x * scales).t().contiguous());
  }
}

TEST(BlockCalls, OfExportedProgramsTakeTheirOneLength) {
  for (const std::string folder : {"torch-2.6/", "torch-2.14/"}) {
    LoadOptions options;
    EXPECT_SAYS("set window=96, which calls it block by block",
                error_of([&] { load_model(exported_file(folder + "built_in"), options); }));
    options.call = calls_of(96);
    const auto model = load_model(exported_file(folder + "built_in"), options);
    const int channels = std::max(1, model->channels_in());
    EngineRun run(*model, channels, 0);
    const Tensor x = torch::randn({channels, 200});
    const Tensor ramps = torch::linspace(0, 1, 96).repeat({3}).slice(0, 0, 200);
    expect_same(run(x, {90, 110}), (x + ramps).t().contiguous());
  }
}
}  // namespace
}  // namespace torchstreamer::testing
