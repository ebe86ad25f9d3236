// Streams of blocks equal the loops of their users, for every way of cutting the signal.
#include "expect_says.h"
#include "lib/blocks/block_cases.h"

namespace torchstreamer::testing {
namespace {

class Blocks : public ::testing::TestWithParam<BlockCase> {
 protected:
  void expect(const Tensor& y, const Tensor& x) const {
    if (GetParam().is_batch)
      expect_near(y, GetParam().expected(x));
    else
      expect_same(y, GetParam().expected(x));
  }

  Tensor signal(int64_t frames) const { return torch::randn({GetParam().channels, frames}); }
  int64_t window_frames() const { return GetParam().call.window_frames; }
  // A length with a few windows and mostly an incomplete one.
  int64_t random_frames() { return random_.between(1, 3 * window_frames() + 40); }

  Random random_{base_seed()};
};

TEST_P(Blocks, EqualTheLoop) {
  const auto model = GetParam().load();
  EngineRun run(*model, GetParam().channels, GetParam().rate_hz);
  for (const int64_t frames : {int64_t{1}, window_frames() - 1, window_frames(),
                               window_frames() + 1, random_frames(), random_frames()}) {
    if (frames == 0) continue;
    SCOPED_TRACE(::testing::Message() << frames << " frames, seed " << base_seed());
    const Tensor x = signal(frames);
    expect(run(x, random_chunks(random_, frames)), x);
  }
}

TEST_P(Blocks, HaveTheSameBitsForAllCuts) {
  const auto model = GetParam().load();
  EngineRun run(*model, GetParam().channels, GetParam().rate_hz);
  const int64_t frames = 2 * window_frames() + 33;
  const Tensor x = signal(frames);
  const Tensor whole = run(x, {frames});
  for (int i = 0; i < 4; ++i)
    expect_same(run(x, chunks_of(i == 0 ? Chunks::kPrimes : Chunks::kRandom, random_, frames)),
                whole);
}

TEST_P(Blocks, OfTwoStreamsAreIndependent) {
  const auto model = GetParam().load();
  EngineRun a(*model, GetParam().channels, GetParam().rate_hz);
  EngineRun b(*model, GetParam().channels, GetParam().rate_hz);
  const int64_t frames = 2 * window_frames() + 5;
  const Tensor x = signal(frames), z = signal(frames);
  for (int64_t at = 0; at < frames;) {
    const int64_t step = std::min(frames - at, random_.between(1, window_frames()));
    a.push(x.narrow(1, at, step), at + step == frames);
    b.push(z.narrow(1, at, step), at + step == frames);
    at += step;
  }
  expect(a.take(), x);
  expect(b.take(), z);
}

TEST_P(Blocks, StartAgainAfterAReset) {
  const auto model = GetParam().load();
  const int64_t frames = 2 * window_frames() + 5;
  const Tensor x = signal(frames);
  {
    EngineRun dropped(*model, GetParam().channels, GetParam().rate_hz);
    dropped.push(x, false);
  }
  EngineRun run(*model, GetParam().channels, GetParam().rate_hz);
  run.push(x, false);
  run.take();
  run.engine().reset();
  expect(run(x, random_chunks(random_, frames)), x);
}

TEST_P(Blocks, HoldBoundedMemory) {
  const auto model = GetParam().load();
  EngineRun run(*model, GetParam().channels, GetParam().rate_hz);
  const Tensor x = signal(3 * window_frames());
  run.push(x, false);
  const int64_t held_bytes = run.engine().held_bytes();
  EXPECT_GE(held_bytes, window_frames() * GetParam().channels * int64_t{sizeof(float)});
  run.push(x, false);
  EXPECT_EQ(run.engine().held_bytes(), held_bytes);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Blocks, ::testing::ValuesIn(block_cases()),
                         [](const auto& info) { return info.param.name; });

struct Reset {
  const char* arguments;
  double start;  // of the running sum of ones
  const char* warning;
};

// The file has the state 5; a reset sets it to 10 times the argument.
TEST(BlockStreams, AreResetForOneSignal) {
  const Reset cases[] = {
      {"batch: int", 10, ""},
      {"batch_size: int", 10, ""},
      {"n: int", 10, ""},
      {"n: int = 3", 30, ""},
      {"n: int, other: int = 4", 10, ""},
      {"hidden: int", 5, "reset(int hidden) -> NoneType are not known; give them defaults"},
      {"batch: float", 5, "reset(float batch) -> NoneType are not known"},
      {"batch: int, n: int", 5, "reset(int batch, int n) -> NoneType are not known"},
  };
  for (const Reset& c : cases) {
    SCOPED_TRACE(c.arguments);
    torch::jit::Module module("m");
    module.register_buffer("sum", torch::full({1}, 5.0));
    const std::string arguments = c.arguments, first = arguments.substr(0, arguments.find(':'));
    module.define(
        "def forward(self, x):\n  self.sum += x[0, 0, 0]\n  return self.sum * 1.0\n"
        "def reset(self, " +
        arguments + "):\n  self.sum = torch.full([1], 10.0 * " + first + ")\n");
    const auto model = block_model(module, options_of(calls_of(4)));
    EngineRun run(*model, 1, 0);
    for (int signal = 0; signal < 2; ++signal)
      expect_same(run(torch::ones({1, 8}), {3, 5}),
                  torch::tensor({{c.start + 1}, {c.start + 2}}, at::kFloat));
    std::string warnings;
    for (const std::string& warning : model->warnings()) warnings += warning;
    EXPECT_EQ(warnings.empty(), std::string(c.warning).empty()) << warnings;
    EXPECT_SAYS(c.warning, warnings);
  }
}

}  // namespace
}  // namespace torchstreamer::testing
