// Compares every stream with its offline module, for random options, lengths and chunkings.

#include "lib/support/random_nets.h"

namespace torchstreamer::testing {
namespace {

// Makes `count` random nets and compares each with its stream, in float32 or float64.
void compare(const char* title, int count, const std::function<RandomNet(Random&)>& make,
             int64_t most_frames) {
  int compared = 0;
  for (int i = 0; i < count; ++i) {
    const unsigned seed = base_seed() + i;
    SCOPED_TRACE(::testing::Message() << title << ": TORCHSTREAMER_SEED=" << seed);
    Random random(seed);
    RandomNet net = make(random);
    const auto dtype = random.between(0, 3) == 0 ? at::kDouble : at::kFloat;
    net.module.ptr()->to(dtype);
    const auto stream = create_stream(net.module);
    const Offline offline = offline_of(net.module);
    // Twice: a final push resets the stream.
    for (int round = 0; round < 2; ++round) {
      const int64_t frames = random.between(0, most_frames);
      compared += expect_equal(*stream, offline, random_signal(random, net, frames, dtype),
                               random_chunks(random, frames));
    }
    if (::testing::Test::HasFailure()) FAIL() << "in case " << i << ": " << stream->describe();
  }
  EXPECT_GT(compared, count) << "most signals were too short";
}

void compare_kind(const char* title, int count, Kind kind) {
  compare(
      title, count, [=](Random& r) { return random_net(r, kind, r.between(1, 4)); }, 70);
}

TEST(Streams, Conv1dEqualsOffline) { compare_kind("conv", 2000, Kind::kConv); }
TEST(Streams, ConvTranspose1dEqualsOffline) {
  compare_kind("conv transpose", 2000, Kind::kConvTranspose);
}
TEST(Streams, AvgPool1dEqualsOffline) { compare_kind("avg pool", 1000, Kind::kAvgPool); }
TEST(Streams, MaxPool1dEqualsOffline) { compare_kind("max pool", 1000, Kind::kMaxPool); }
TEST(Streams, Elementwise1dEqualsOffline) { compare_kind("activation", 500, Kind::kActivation); }
TEST(Streams, Residual1dEqualsOffline) { compare_kind("residual", 1500, Kind::kResidual); }

TEST(Streams, AnyTwoLayersInEitherOrder) {
  for (const Kind first : kAllKinds)
    for (const Kind second : kAllKinds)
      compare(
          "pair", 40,
          [=](Random& r) {
            return random_chain(r, {first, second}, 4);
          },
          90);
}

TEST(Streams, ChainsUpToEightDeep) {
  compare(
      "chain", 800,
      [](Random& r) {
        std::vector<Kind> kinds;
        for (int64_t depth = r.between(3, 8); depth > 0; --depth)
          kinds.push_back(kAllKinds[r.between(0, 5)]);
        return random_chain(r, kinds, 2);
      },
      300);
}

TEST(Streams, FramesAreEmittedWithTheLastFrameTheyDependOn) {
  for (int i = 0; i < 240; ++i) {
    const unsigned seed = base_seed() + i;
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed);
    Random random(seed);
    RandomNet net =
        i % 2 ? random_net(random, kAllKinds[i / 2 % 6], random.between(1, 3))
              : random_chain(random,
                             {kAllKinds[random.between(0, 5)], kAllKinds[random.between(0, 5)]}, 3);
    net.module.ptr()->to(at::kDouble);
    const auto stream = create_stream(net.module);
    const int64_t frames = 40 + stream->timing().receptive_field_frames();
    expect_causal(*stream, offline_of(net.module), random_signal(random, net, frames, at::kDouble),
                  random);
    if (HasFailure()) FAIL() << stream->describe();
  }
}

/// The first and last input frame that each output frame depends on.
struct Dependencies {
  std::vector<int64_t> first, last;  // `frames` and -1 if only the bias is in the output
};

// Changes one input frame after the other.
Dependencies measured_dependencies(const Offline& offline, const Tensor& x, int64_t frames_out) {
  const int64_t frames = x.size(1);
  Dependencies found{std::vector<int64_t>(frames_out, frames),
                     std::vector<int64_t>(frames_out, -1)};
  for (int64_t n = 0; n < frames; ++n) {
    Tensor changed = x.clone();
    changed.select(1, n) += std::nan("");
    const Tensor moved = offline(changed).isnan().any(0);
    for (int64_t t = 0; t < frames_out; ++t)
      if (moved[t].item<bool>()) {
        found.first[t] = std::min(found.first[t], n);
        found.last[t] = std::max(found.last[t], n);
      }
  }
  return found;
}

// Dilated kernels of transposed convolutions have holes: without `is_dense` the timing is a bound.
void expect_timing(const Timing& timing, const Dependencies& measured, bool is_dense) {
  int64_t widest = 0;
  Rational furthest = 0;
  for (size_t t = 0; t < measured.last.size(); ++t) {
    const int64_t frame = static_cast<int64_t>(t), first = measured.first[t],
                  last = measured.last[t];
    if (last < 0) continue;  // only the bias
    const Span span = timing.depends({frame, frame});
    EXPECT_GE(first, span.first) << "output " << t;
    EXPECT_LE(last, span.last) << "output " << t;
    widest = std::max(widest, last - first + 1);
    furthest = std::max(furthest, Rational(last) - Rational(frame) / timing.rate());
  }
  if (is_dense) {
    EXPECT_EQ(widest, timing.receptive_field_frames());
    EXPECT_EQ(furthest, timing.look_ahead_frames());
  } else {
    EXPECT_LE(widest, timing.receptive_field_frames());
    EXPECT_FALSE(timing.look_ahead_frames() < furthest);
  }
}

void expect_no_frame_later_than_the_look_ahead(const Timing& timing, int64_t frames) {
  for (int64_t n = 1, t = 0; n <= frames; ++n)
    for (; t < timing.frames_out(n, false); ++t)
      EXPECT_FALSE(timing.look_ahead_frames() < Rational(n - 1) - Rational(t) / timing.rate());
}

// Measures receptive field and look-ahead on the offline module by changing one frame.
TEST(Streams, TimingEqualsTheMeasuredTiming) {
  torch::NoGradGuard guard;
  for (int i = 0; i < 60; ++i) {
    const unsigned seed = base_seed() + i;
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed);
    Random random(seed);
    RandomNet net = random_chain(random, {Kind::kConv, kAllKinds[i % 2], Kind::kResidual}, 3);
    net.module.ptr()->to(at::kDouble);
    const auto stream = create_stream(net.module);
    const Offline offline = offline_of(net.module);
    const int64_t frames = 2 * stream->timing().receptive_field_frames() + 60;
    const Tensor x = random_signal(random, net, frames, at::kDouble);
    Tensor clean;
    try {
      clean = offline(x);
    } catch (const c10::Error&) {
      continue;
    }
    expect_timing(stream->timing(), measured_dependencies(offline, x, clean.size(1)),
                  kAllKinds[i % 2] == Kind::kConv);
    expect_no_frame_later_than_the_look_ahead(stream->timing(), frames);
    if (HasFailure()) FAIL() << stream->describe();
  }
}

TEST(Streams, TimingOfSingleLayers) {
  const auto conv = create_stream(nn::Conv1d(nn::Conv1dOptions(1, 1, 5).stride(3).dilation(2)));
  EXPECT_EQ(conv->timing().receptive_field_frames(), 9);
  EXPECT_EQ(conv->timing().rate(), Rational(1, 3));
  EXPECT_EQ(conv->timing().look_ahead_frames(), Rational(8));
  EXPECT_EQ(conv->timing().frames_out(9, false), 1);
  EXPECT_EQ(conv->timing().frames_out(8, true), 0);

  const auto up = create_stream(nn::ConvTranspose1d(nn::ConvTranspose1dOptions(1, 1, 6).stride(4)));
  EXPECT_EQ(up->timing().receptive_field_frames(), 2);
  EXPECT_EQ(up->timing().rate(), Rational(4));
  EXPECT_EQ(up->timing().look_ahead_frames(), Rational(0));
  EXPECT_EQ(up->timing().frames_out(3, false), 12);
  EXPECT_EQ(up->timing().frames_out(3, true), 14);

  // Frames in the gap after a short kernel exist only if one more input frame arrives.
  const auto gap =
      create_stream(nn::ConvTranspose1d(nn::ConvTranspose1dOptions(1, 1, 1).stride(4)));
  EXPECT_EQ(gap->timing().frames_out(1, false), 1);
  EXPECT_EQ(gap->timing().frames_out(2, false), 5);
  EXPECT_EQ(gap->timing().look_ahead_frames(), Rational(3, 4));
}

TEST(Streams, PaddingOfTheModuleIsIgnored) {
  torch::NoGradGuard guard;
  for (const bool transposed : {false, true}) {
    nn::AnyModule padded, plain;
    if (transposed) {
      auto options = nn::ConvTranspose1dOptions(2, 3, 4).stride(2).output_padding(1);
      nn::ConvTranspose1d a(options.padding(2)), b(options.padding(0));
      b->weight = a->weight;
      b->bias = a->bias;
      padded = nn::AnyModule(a);
      plain = nn::AnyModule(b);
    } else {
      nn::Conv1d a(nn::Conv1dOptions(2, 3, 3).padding(1).padding_mode(torch::kReflect));
      nn::Conv1d b(nn::Conv1dOptions(2, 3, 3));
      b->weight = a->weight;
      b->bias = a->bias;
      padded = nn::AnyModule(a);
      plain = nn::AnyModule(b);
    }
    expect_equal(*create_stream(padded), offline_of(plain), torch::randn({2, 50}), {7, 0, 20, 23});
  }
}

TEST(Streams, DoNotDependOnTheModuleAfterCreation) {
  torch::NoGradGuard guard;
  const Tensor x = torch::randn({2, 40});
  Tensor expected;
  std::vector<std::shared_ptr<BaseStream>> streams;
  {
    nn::BatchNorm1d norm(3);
    norm->eval();
    nn::Sequential net(nn::Conv1d(nn::Conv1dOptions(2, 3, 3)), norm,
                       nn::ConvTranspose1d(nn::ConvTranspose1dOptions(3, 1, 2).stride(2)));
    streams = {create_stream(net), create_stream(net)};
    expected = net->forward(x.unsqueeze(0)).squeeze(0).clone();
    for (auto& p : net->parameters()) p.mul_(3);
    for (auto& b : net->buffers()) b.add_(1);
    net->to(at::kDouble);
  }
  for (const auto& stream : streams) {
    const Tensor y = run(*stream, x, {11, 20, 9});
    EXPECT_TRUE(at::allclose(y, expected, 1e-5, 1e-6));
  }
}

TEST(Streams, InPlaceModulesDoNotChangeTheInput) {
  torch::NoGradGuard guard;
  nn::Sequential net(nn::ReLU(nn::ReLUOptions(true)), nn::Conv1d(nn::Conv1dOptions(2, 2, 3)));
  const auto stream = create_stream(Residual1d(net));
  const Tensor x = torch::randn({2, 30}), before = x.clone();
  Residual1d module(net);
  expect_equal(*stream, [&](const Tensor& s) { return module->forward(s.unsqueeze(0)).squeeze(0); },
               x, {4, 26});
  EXPECT_TRUE(x.equal(before));
}

// The caller may overwrite its buffer as soon as forward() has returned.
TEST(Streams, DoNotKeepTheMemoryOfTheCaller) {
  torch::NoGradGuard guard;
  nn::Conv1d conv(nn::Conv1dOptions(1, 1, 5));
  const auto stream = create_stream(conv);
  const Tensor x = torch::randn({1, 12});
  Tensor buffer = torch::empty({1, 3});
  Tensors parts;
  for (int i = 0; i < 4; ++i) {
    buffer.copy_(x.narrow(1, 3 * i, 3));
    if (const auto y = stream->forward(buffer, i == 3)) parts.push_back(*y);
    buffer.fill_(1000);
  }
  EXPECT_TRUE(at::allclose(at::cat(parts, 1), conv->forward(x.unsqueeze(0)).squeeze(0)));
}

}  // namespace
}  // namespace torchstreamer::testing
