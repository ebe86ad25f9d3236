// Decisions about the length of the signal: long memories, guards that some length violates, and
// the frames that are kept for them.
#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/model_files.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

const graph::PlannedNetwork& planned(const LayerPtr& network) {
  return dynamic_cast<const graph::PlannedNetwork&>(*network);
}

LayerPtr planned_network(const std::string& source, const std::map<std::string, Tensor>& weights) {
  LoadOptions options;
  options.channels = 1;
  return graph::ScriptModel(scripted(source, weights), at::kCPU).plan(options);
}

std::string refusal_of(const std::string& source, const std::map<std::string, Tensor>& weights) {
  return error_of([&] { ScriptedStream model(scripted(source, weights)); });
}

// Memories that are longer than the signals that decisions are usually tried at.
TEST(Lengths, LongMemories) {
  struct Case {
    std::string source;
    std::map<std::string, Tensor> weights;
    int64_t least_frames;
  };
  const Tensor decay = at::exp(at::arange(1024) / -100.0);
  const Case cases[] = {
      {"def forward(self, x):\n  return torch.conv1d(x, self.w, None, [1], [0], [8192])",
       {{"w", torch::randn({1, 1, 2})}},
       8193},
      {"def forward(self, x):\n"
       "  return torch.conv1d(torch.conv1d(x, self.a, None, [512]), self.b)",
       {{"a", torch::randn({1, 1, 1024}) * decay}, {"b", torch::randn({1, 1, 32})}},
       1024 + 31 * 512},
      {"def forward(self, x):\n  return x[:, :, 30000:] - x[:, :, :-30000]", {}, 30001},
      {"def forward(self, x):\n"
       "  y = torch.conv1d(x, self.w, None, [1], [0], [50000])\n"
       "  return y + x[:, :, x.size(2) - y.size(2):]",
       {{"w", torch::randn({1, 1, 3})}},
       100001},
  };
  for (const auto& [source, weights, least_frames] : cases) {
    SCOPED_TRACE(source);
    ScriptedStream model(scripted(source, weights));
    EXPECT_EQ(model.stream->timing().frames_out(least_frames - 1, false), 0);
    EXPECT_EQ(model.stream->timing().frames_out(least_frames, false), 1);
    Random random(base_seed());
    for (const int64_t frames : {least_frames, least_frames + 1, least_frames + 777})
      expect_equal(*model.stream, model.offline(), model.signal(frames),
                   {frames / 2, frames - frames / 2});
    const Tensor x = model.signal(least_frames + 3000);
    expect_equal(*model.stream, model.offline(), x, random_chunks(random, x.size(1)));
  }
}

// Reverses blocks of `frames`.
std::string blocks_source(int64_t frames) {
  return "def forward(self, x):\n"
         "  f = x.reshape(x.size(0), -1, " +
         std::to_string(frames) +
         ") * self.w\n"
         "  return f.flip(2).reshape(x.size(0), 1, -1)";
}

// Few consecutive lengths are multiples of a long block. Its frames are not channels.
TEST(Lengths, MultiplesOfLongBlocks) {
  for (const int64_t frames : {160, 441, 480, 512, 960, 1000, 1500, 4096, 8000, 16000, 20000}) {
    SCOPED_TRACE(frames);
    const auto module = scripted(blocks_source(frames), {{"w", torch::randn({frames})}});
    LoadOptions options;
    graph::ScriptModel(module, at::kCPU).plan(options);
    EXPECT_EQ(options.channels, 1);
    EXPECT_EQ(options.layout, Layout::kBatchChannelsTime);
    ScriptedStream model(module);
    expect_equal(*model.stream, model.offline(), model.signal(3 * frames), {1, 3 * frames - 1});
  }
  // Two channels of 50,000 frames are not a block of 100,000.
  const auto module = scripted(blocks_source(100000), {{"w", torch::randn({100000})}});
  LoadOptions options;
  EXPECT_THROW(graph::ScriptModel(module, at::kCPU).plan(options), Refusal);
}

// The decisions are made for lengths that the model takes, here with a rounding.
TEST(Lengths, OfLongSignalsOnly) {
  for (const int64_t least : {20000, 30000, 102000}) {
    ScriptedStream model(
        scripted("def forward(self, x):\n"
                 "  assert x.size(2) >= " +
                 std::to_string(least) +
                 ", 'too short'\n"
                 "  return x[:, :, : x.size(2) // 441 * 441] * 0.5"));
    for (const int64_t frames : {least, least + 440, 3 * least})
      expect_equal(*model.stream, model.offline(), model.signal(frames), {5, frames - 5});
    EXPECT_SAYS("too short",
                error_of([&] { model.stream->forward(model.signal(least - 1), true); }));
  }
}

// A signal that is too long for the model fails at the first push beyond the limit.
TEST(Lengths, ASignalThatIsTooLongFailsAtOnce) {
  ScriptedStream model(
      scripted("def forward(self, x):\n"
               "  assert x.size(2) <= 20000, 'too long'\n"
               "  return x * 0.5"));
  BaseStream& stream = *model.stream;
  const Tensor x = model.signal(20001);
  stream.forward(x.slice(1, 0, 20000));
  const std::string error = error_of([&] { stream.forward(x.slice(1, 20000)); });
  EXPECT_SAYS("too long", error);
  EXPECT_SAYS("20000 frames would work", error);
  stream.reset();
  expect_equal(stream, model.offline(), x.slice(1, 0, 20000), {10000, 10000});
}

TEST(Lengths, TheLongestMemory) {
  const std::map<std::string, Tensor> weights = {{"w", torch::randn({1, 1, 2})}};
  const auto source = [](int64_t dilation) {
    return "def forward(self, x):\n  return torch.conv1d(x, self.w, None, [1], [0], [" +
           std::to_string(dilation) + "])";
  };
  ScriptedStream model(scripted(source((1 << 22) - 1), weights));
  EXPECT_EQ(model.stream->timing().receptive_field_frames(), 1 << 22);
  const Tensor x = model.signal((1 << 22) + 500);
  expect_equal(*model.stream, model.offline(), x, {1 << 21, 1 << 21, 100, 400});
  EXPECT_SAYS("4194305 frames of the signal; at most 4194304",
              refusal_of(source(1 << 22), weights));
}

// Causally padded, as every WaveNet and TCN: it works for any length, so no frames are kept and all
// bits are independent of the chunks.
TEST(Lengths, NoFramesAreKeptForModelsOfAnyLength) {
  const std::map<std::string, Tensor> weights = {{"a", torch::randn({4, 1, 1})},
                                                 {"b", torch::randn({4, 4, 2})},
                                                 {"c", torch::randn({1, 4, 1})}};
  const LayerPtr network = planned_network(
      "def forward(self, x):\n"
      "  x = torch.conv1d(x, self.a)\n"
      "  h = torch.zeros([x.size(0), 4, x.shape[2]])\n"
      "  for d in [1, 2, 4, 8, 512]:\n"
      "    y = torch.tanh(torch.conv1d(torch.constant_pad_nd(x, [d, 0]), self.b, None, [1], [0], "
      "[d]))\n"
      "    h = h + y\n"
      "    x = x + y\n"
      "  return torch.conv1d(h, self.c)[:, :, :x.size(2)]",
      weights);
  EXPECT_TRUE(planned(network).guards().all().empty()) << network->describe();
  EXPECT_EQ(planned(network).guards().kept_frames(), 0);
  ASSERT_NE(planned(network).program(), nullptr);
  EXPECT_FALSE(has_fallback(*planned(network).program())) << network->describe();
  LayerStream stream(network);
  const Tensor x = torch::randn({1, 700});
  const Tensor whole = run(stream, x, {700});
  Random random(base_seed());
  for (int i = 0; i < 20; ++i) {
    const auto chunks = random_chunks(random, 700);
    EXPECT_TRUE(run(stream, x, chunks).equal(whole));
  }
  EXPECT_TRUE(run(stream, x, std::vector<int64_t>(700, 1)).equal(whole));
}

// The kept frames are those of the longest signal for which the plan does not hold.
TEST(Lengths, GuardsContainTheLongestSignalThatViolatesThem) {
  const LayerPtr network = planned_network(
      "def forward(self, x):\n"
      "  if x.size(2) < 100:\n"
      "    x = x * 2.0\n"
      "  return x + 1.0",
      {});
  ASSERT_EQ(planned(network).guards().all().size(), 1u) << network->describe();
  EXPECT_EQ(planned(network).guards().kept_frames(), 99);
  const LayerPtr multiple =
      planned_network("def forward(self, x):\n  return x.view(1, -1, 16).mean(-1)", {});
  EXPECT_EQ(planned(multiple).guards().kept_frames(), graph::Guards::kKeptFrames);
}

// Lengths that are computed by several operators and that are right for all signals.
TEST(Lengths, ArithmeticThatAlwaysHoldsHasNoGuard) {
  for (const char* source :
       {"def forward(self, x):\n  return x[:, :, :x.size(2) // 4 * 4 + x.size(2) % 4]",
        "def forward(self, x):\n"
        "  n = -(-x.size(2) // 8) * 8\n"
        "  y = torch.constant_pad_nd(x, [0, n - x.size(2)])\n"
        "  assert y.size(2) % 8 == 0\n"
        "  return torch.tanh(y)[:, :, :x.size(2)]",
        "def forward(self, x):\n"
        "  n = x.size(2)\n"
        "  if n > -1:\n"
        "    x = x + 1.0\n"
        "  return torch.relu(x) + x[:, :, :max(n, 1)]"}) {
    const LayerPtr network = planned_network(source, {});
    EXPECT_TRUE(planned(network).guards().all().empty()) << network->describe();
  }
}

// Guards are never dropped because no violation was tried.
TEST(Lengths, LengthsFarAwayKeepTheirGuards) {
  for (const char* source : {"def forward(self, x):\n"
                             "  assert x.size(2) != 50000\n"
                             "  return x + 1.0",
                             "def forward(self, x):\n"
                             "  if x.size(2) * x.size(2) == 1600000000:\n"
                             "    x = x + 1.0\n"
                             "  return x"}) {
    ScriptedStream model(scripted(source));
    const LayerPtr network = planned_network(source, {});
    EXPECT_EQ(planned(network).guards().all().size(), 1u) << network->describe();
  }
}

// Checks for a single length, or for one number of frames after a stride.
TEST(Lengths, ChecksOfOneLongLength) {
  struct Case {
    std::string source;
    int64_t frames;
    std::string error;
  };
  const std::string what = "the stream would differ from the model for a signal of ";
  const std::string raises = "the model raises \"AssertionError: this one\"; ";
  const std::string advice = ", and tail=pad adds silence up to such a length";
  const Case cases[] = {
      {"def forward(self, x):\n  assert x.size(2) != 50000, 'this one'\n  return x * 2", 50000,
       what + "50000 frames: prim::RaiseException at <string>:2: " + raises +
           "49999 or 50001 frames would work" + advice},
      {"def forward(self, x):\n  y = torch.conv1d(x, self.w, None, [4])\n"
       "  assert y.size(2) != 20000, 'this one'\n  return y",
       80002,
       what + "80002 frames: prim::RaiseException at <string>:3: " + raises +
           "79999 or 80004 frames would work" + advice},
  };
  for (const auto& [source, frames, error] : cases) {
    SCOPED_TRACE(source);
    ScriptedStream model(scripted(source, {{"w", torch::ones({1, 1, 4})}}));
    for (const int64_t other : {frames - 4, frames + 4})
      EXPECT_TRUE(model.stream->forward(torch::zeros({1, other}), /*final=*/true));
    EXPECT_EQ(error_of([&] {
                model.stream->forward(torch::zeros({1, frames}), /*final=*/true);
              }),
              error);
  }
}

constexpr int64_t kMultiple = 16;

// Returns the output of a model that takes multiples of kMultiple frames, for any signal. kPad: the
// output for the signal with silence up to such a length, in proportion to the signal. Otherwise
// that for the longest part of such a length.
Offline ended(const Offline& offline, Tail tail, Rational rate) {
  const auto with_end = [=](const Offline::Run& run) {
    return [=](const Tensor& x) {
      const int64_t frames = x.size(1), rest = frames % kMultiple;
      if (tail != Tail::kPad) return run(x.slice(1, 0, frames - rest));
      const Tensor padded = at::constant_pad_nd(x, {0, rest > 0 ? kMultiple - rest : 0});
      return run(padded).slice(1, 0, (Rational(frames) * rate).ceil());
    };
  };
  return {with_end(offline.run), with_end(offline.exact)};
}

TEST(Lengths, OtherEndsOfSignals) {
  for (const char* source :
       {"def forward(self, x):\n  return x.view(1, -1, 16).mean(-1)",
        "def forward(self, x):\n"
        "  y = torch.conv1d(torch.conv1d(x, self.w, None, [4]), self.w, None, [4])\n"
        "  up = torch.conv_transpose1d(y, self.w, None, [4])\n"
        "  return torch.conv_transpose1d(up, self.w, None, [4]) + x"}) {
    for (const Tail tail : {Tail::kPad, Tail::kDrop}) {
      ScriptedStream model(scripted(source, {{"w", torch::randn({1, 1, 4})}}));
      LoadOptions options;
      options.channels = 1;
      options.call.tail = tail;
      model.stream =
          std::make_shared<LayerStream>(graph::ScriptModel(model.module, at::kCPU).plan(options));
      const Offline expected = ended(model.offline(), tail, model.stream->timing().rate());
      Random random(base_seed());
      for (const int64_t frames : {1, 15, 16, 17, 31, 32, 100, 9999, 10000, 10001}) {
        SCOPED_TRACE(::testing::Message() << source << "\n" << frames << " frames");
        const Tensor x = model.signal(frames);
        if (tail == Tail::kDrop && frames < kMultiple)
          EXPECT_FALSE(model.stream->forward(x, /*final=*/true));
        else
          expect_equal(*model.stream, expected, x, random_chunks(random, frames));
      }
    }
  }
}

}  // namespace
}  // namespace torchstreamer::testing
