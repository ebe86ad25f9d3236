// Engines of a group, in many threads: each output has the bits of the engine alone.
#include <chrono>
#include <cstring>
#include <thread>

#include "lib/support/large_model.h"

namespace torchstreamer::testing {
namespace {

/// Pushes signals through an engine: random chunks, ended by a flush, a reset or nothing. The seed
/// determines the signals. Calls `pause` before every push. Returns the output; a failed push adds
/// NaN.
template <class Pause>
std::vector<float> play(const Model& model, std::unique_ptr<Engine> engine, unsigned seed,
                        const Pause& pause) {
  std::mt19937 random(seed);
  const int channels_out = model.channels_out(1);
  std::vector<float> output, x(4000);
  for (float& sample : x) sample = std::normal_distribution<float>()(random);
  for (int signal = 0; signal < 3; ++signal) {
    if (random() % 4 == 0) x[random() % 400] = std::nanf("");
    const auto pushes = static_cast<int>(random() % 24);
    for (int i = 0; i <= pushes; ++i) {
      const auto frames = static_cast<int64_t>(random() % (random() % 8 ? 60 : 700));
      const bool final = i == pushes && random() % 2;
      const void* in[] = {x.data() + random() % 3000};
      pause();
      try {
        std::vector<float> y(engine->frames_due(frames, final) * channels_out + 1, 0);
        void* out[] = {y.data()};
        engine->push(in, frames, final, out);
        output.insert(output.end(), y.begin(), y.end());
      } catch (const Error&) {
        output.push_back(std::nanf(""));
      }
    }
    if (engine->frames_in() > 0) engine->reset();
  }
  return output;
}

bool have_equal_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(Groups, OutputsHaveTheBitsOfEnginesAlone) {
  SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << base_seed());
  torch::manual_seed(base_seed());
  constexpr int kStreams = 7, kEngines = 4;  // engines of a stream, one after the other
  const auto model = large_model();
  const auto seed_of = [](int stream, int engine) { return base_seed() + 100 * stream + engine; };
  for (const GroupOptions options : {GroupOptions{0, 1}, GroupOptions{300'000, 2}}) {
    const auto group = model->make_group(options);
    ASSERT_NE(group, nullptr);
    std::vector<std::vector<float>> outputs(kStreams * kEngines);
    std::vector<std::thread> threads;
    for (int s = 0; s < kStreams; ++s)
      threads.emplace_back([&, s] {
        std::mt19937 random(s);
        const auto pause = [&] {
          if (random() % 8 == 0)
            std::this_thread::sleep_for(std::chrono::microseconds(random() % 1000));
        };
        for (int e = 0; e < kEngines; ++e)
          outputs[s * kEngines + e] = play(*model, model->start(1, 0, group), seed_of(s, e), pause);
      });
    for (std::thread& thread : threads) thread.join();
    for (int i = 0; i < kStreams * kEngines; ++i) {
      const auto alone = play(*model, model->start(1), seed_of(i / kEngines, i % kEngines), [] {});
      EXPECT_FALSE(alone.empty());
      EXPECT_TRUE(have_equal_bits(outputs[i], alone)) << "stream " << i;
    }
    EXPECT_LT(group->counts().runs, group->counts().pushes) << "no pushes have run together";
  }
}

TEST(Groups, AreOnlyForModelsThatGain) {
  const auto small = scripted("def forward(self, x):\n  return torch.conv1d(x, self.w)",
                              {{"w", torch::randn({1, 1, 5})}});
  const graph::PlannedModel model(std::make_shared<graph::ScriptModel>(small, at::kCPU), {});
  EXPECT_EQ(model.make_group({}), nullptr);
  EXPECT_NE(model.start(1, 0, nullptr), nullptr);
  EXPECT_NE(large_model()->make_group({}), nullptr);
}

/// Pushes `frames` frames of silence.
void push_silence(Engine* engine, int64_t frames, bool final) {
  const std::vector<float> x(frames);
  std::vector<float> y(engine->frames_due(frames, final) * 2 + 1);
  const void* in[] = {x.data()};
  void* out[] = {y.data()};
  engine->push(in, frames, final, out);
}

// Others would wait for them.
TEST(Groups, RunLongAndLastPushesAlone) {
  const auto model = large_model();
  const auto group = model->make_group({/*wait_ns=*/0, /*runs=*/1});
  const auto engine = model->start(1, 0, group);
  push_silence(engine.get(), 100, /*final=*/false);
  EXPECT_EQ(group->counts().pushes, 1);
  push_silence(engine.get(), 100'000, /*final=*/false);
  push_silence(engine.get(), 100, /*final=*/true);
  EXPECT_EQ(group->counts().pushes, 1);
  EXPECT_EQ(group->counts().runs, 1);
}

// More streams than a run can have.
TEST(Groups, OfManyStreams) {
  constexpr int kStreams = 70;
  const auto model = large_model();
  const auto group = model->make_group({/*wait_ns=*/20'000'000, /*runs=*/1});
  std::vector<std::vector<float>> outputs(kStreams);
  std::vector<std::thread> threads;
  for (int s = 0; s < kStreams; ++s)
    threads.emplace_back(
        [&, s] { outputs[s] = play(*model, model->start(1, 0, group), base_seed() + s, [] {}); });
  for (std::thread& thread : threads) thread.join();
  for (int s = 0; s < kStreams; ++s)
    EXPECT_TRUE(have_equal_bits(outputs[s], play(*model, model->start(1), base_seed() + s, [] {})))
        << "TORCHSTREAMER_SEED=" << base_seed() << ", stream " << s;
  EXPECT_LE(group->counts().pushes, 32 * group->counts().runs);
}

// The engine of a different model may be started in a group; it then runs separately.
TEST(Groups, OfADifferentModelDoNoHarm) {
  const auto one = large_model(), other = large_model();
  const auto group = one->make_group({/*wait_ns=*/100'000, /*runs=*/1});
  const auto expected = play(*other, other->start(1), 1, [] {});
  std::vector<float> output;
  std::thread thread([&] { play(*one, one->start(1, 0, group), 2, [] {}); });
  output = play(*other, other->start(1, 0, group), 1, [] {});
  thread.join();
  EXPECT_TRUE(have_equal_bits(output, expected));
}

}  // namespace
}  // namespace torchstreamer::testing
