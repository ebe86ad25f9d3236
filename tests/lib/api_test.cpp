// What the interface promises besides the numbers: errors, registration, refusals, sharing.

#include <thread>

#include "random_nets.h"
#include "support/weights.h"
#include "torchaudio_cases.h"

namespace torchstreamer::testing {
namespace {

template <class E = Error, class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "another type of exception: " << e.what();
  }
  return "";
}

// A stream of the user's: y[t] = x[t] + x[t - 1], one frame of memory.
class PreviousStream : public BaseStream {
 public:
  PreviousStream() : BaseStream(Timing::window(2, 1)) {}

 private:
  Tensor process(const Tensor& x, bool) override {
    const Tensor all = last_.defined() ? at::cat({last_, x}, 1) : x;
    if (all.size(1) > 0) last_ = all.narrow(1, all.size(1) - 1, 1).clone();
    if (all.size(1) < 2) return {};
    return all.narrow(1, 0, all.size(1) - 1) + all.narrow(1, 1, all.size(1) - 1);
  }
  void clear() override { last_ = Tensor(); }

  Tensor last_;
};

struct PreviousImpl : nn::Module {
  Tensor forward(Tensor x) { return x.slice(-1, 0, -1) + x.slice(-1, 1); }
};
TORCH_MODULE(Previous);

struct ReverseImpl : nn::Module {
  Tensor forward(Tensor x) { return x.flip({-1}); }
};
TORCH_MODULE(Reverse);

struct HalfImpl : nn::Module {
  Tensor forward(Tensor x) { return x.slice(-1, 0, at::indexing::None, 2); }
};
TORCH_MODULE(Half);

// The usual causal convolution: padded, and chomped behind.
struct CausalImpl : nn::Module {
  explicit CausalImpl(int64_t dilation)
      : conv(nn::Conv1dOptions(2, 2, 2).dilation(dilation).padding(dilation)) {
    register_module("conv", conv);
  }
  Tensor forward(Tensor x) { return conv->forward(x).slice(-1, 0, x.size(-1)); }
  nn::Conv1d conv;
};
TORCH_MODULE(Causal);

struct ThirdImpl : nn::Module {
  Tensor forward(Tensor x) { return x; }
};
TORCH_MODULE(Third);

struct QuietImpl : nn::Module {
  Tensor forward(Tensor x) { return x.flip({-1}) * 1e-6; }
};
TORCH_MODULE(Quiet);

// Pointwise, with a weight, unknown to the library.
struct ScaleImpl : nn::Cloneable<ScaleImpl> {
  void reset() override { scale = register_parameter("scale", torch::rand({3, 1}) + 0.5); }
  ScaleImpl() { reset(); }
  Tensor forward(Tensor x) { return x * scale; }
  Tensor scale;
};
TORCH_MODULE(Scale);

TEST(Api, AWrongInputIsAnErrorAndTheStreamGoesOn) {
  torch::NoGradGuard guard;
  nn::Conv1d conv(nn::Conv1dOptions(2, 3, 3));
  const auto stream = create_stream(conv);
  const Tensor x = torch::randn({2, 20});
  Tensors parts;
  auto push = [&](int64_t start, int64_t end, bool final) {
    if (const auto y = stream->forward(x.slice(1, start, end), final)) parts.push_back(*y);
  };
  auto try_all = [&] {
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "2 channels", error_of([&] {
                          stream->forward(torch::randn({3, 4}));
                        }));
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "[C, T]", error_of([&] {
                          stream->forward(torch::randn({1, 2, 4}));
                        }));
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "[C, T]",
                        error_of([&] { stream->forward(torch::randn({4})); }));
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "undefined",
                        error_of([&] { stream->forward(Tensor()); }));
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "Double", error_of([&] {
                          stream->forward(torch::randn({2, 4}, torch::kDouble));
                        }));
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "float32 or float64", error_of([&] {
                          stream->forward(torch::ones({2, 4}, torch::kLong));
                        }));
  };
  try_all();
  push(0, 7, false);
  try_all();
  push(7, 20, true);
  EXPECT_TRUE(
      at::allclose(at::cat(parts, 1), conv->forward(x.unsqueeze(0)).squeeze(0), 1e-5, 1e-6));
}

TEST(Api, TheChannelsOfAChainAreCheckedBeforeItMoves) {
  torch::NoGradGuard guard;
  nn::Sequential net(nn::MaxPool1d(2), nn::Conv1d(nn::Conv1dOptions(2, 1, 3)));
  const auto stream = create_stream(net);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "takes 2 channels", error_of([&] {
                        stream->forward(torch::randn({5, 4}));
                      }));
  const auto pool = create_stream(nn::MaxPool1d(2));
  pool->forward(torch::randn({5, 3}));
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "reset()", error_of([&] {
                        pool->forward(torch::randn({4, 3}));
                      }));
  pool->reset();
  EXPECT_TRUE(pool->forward(torch::randn({4, 3})));
}

TEST(Api, EmptyPushesAndAnEmptySignal) {
  const auto stream = create_stream(nn::Conv1d(nn::Conv1dOptions(1, 1, 3)));
  EXPECT_FALSE(stream->forward(torch::empty({1, 0})));
  EXPECT_FALSE(stream->forward(torch::empty({1, 0}), true));
  EXPECT_FALSE(stream->forward(torch::randn({1, 2})));
  EXPECT_FALSE(stream->forward(torch::empty({1, 0}), true));
  EXPECT_TRUE(stream->forward(torch::randn({1, 3}), true));
}

// A stage that returns nothing must not keep the end from the stages behind it.
TEST(Api, FinalReachesEveryStage) {
  torch::NoGradGuard guard;
  nn::Sequential net(nn::Conv1d(nn::Conv1dOptions(1, 1, 2).stride(2)),
                     nn::ConvTranspose1d(nn::ConvTranspose1dOptions(1, 1, 3)));
  expect_equal(*create_stream(net), offline_of(any_module(net)), torch::randn({1, 5}), {2, 2, 1});
}

TEST(Api, UnknownModulesAreProvenPointwise) {
  torch::NoGradGuard guard;
  Scale scale;
  expect_equal(*create_stream(scale), offline_of(nn::AnyModule(scale)), torch::randn({3, 9}),
               {4, 5});
}

TEST(Api, ModulesThatMixTimeAreRefusedWithTypeAndPath) {
  nn::ReLU relu;
  const Sequential1d inner(relu, Reverse());
  nn::Sequential net(nn::Conv1d(nn::Conv1dOptions(1, 1, 2)), inner);
  try {
    create_stream(net);
    FAIL() << "a reversed signal cannot be streamed";
  } catch (const Refusal& e) {
    EXPECT_EQ(e.path(), "1.1");
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "ReverseImpl", e.subject());
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "mixes frames", e.reason());
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "'1.1'", std::string(e.what()));
  }
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "mixes frames",
                      error_of<Refusal>([] { create_stream(nn::GroupNorm(1, 4)); }));
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "length",
                      error_of<Refusal>([] { Elementwise1dStream{nn::AvgPool1d(2)}; }));
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "eval()",
                      error_of<Refusal>([] { create_stream(nn::BatchNorm1d(2)); }));
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "eval()",
                      error_of<Refusal>([] { create_stream(nn::Dropout(0.5)); }));
  EXPECT_NE(error_of<Refusal>([] { create_stream(nn::LSTM(3, 4)); }), "");
}

// Probing consumes no randomness of the process, and changes no module.
TEST(Api, ProvingLeavesNoTrace) {
  nn::BatchNorm1d norm(2);
  const Tensor mean = norm->running_mean.clone();
  torch::manual_seed(5);
  const Tensor expected = torch::randn({4});
  torch::manual_seed(5);
  EXPECT_THROW(create_stream(norm), Refusal);
  create_stream(nn::ELU());
  EXPECT_TRUE(torch::randn({4}).equal(expected));
  EXPECT_TRUE(norm->running_mean.equal(mean));
}

// PyTorch's advice for nesting: a subclass whose forward() is no template.
struct NestedImpl : nn::SequentialImpl {
  using SequentialImpl::SequentialImpl;
  Tensor forward(Tensor x) { return SequentialImpl::forward(x); }
};
TORCH_MODULE(Nested);

struct TwiceImpl : nn::SequentialImpl {
  using SequentialImpl::SequentialImpl;
  Tensor forward(Tensor x) { return SequentialImpl::forward(x) * 2; }
};
TORCH_MODULE(Twice);

TEST(Api, SubclassesOfSequential) {
  torch::NoGradGuard guard;
  nn::Conv1d conv(nn::Conv1dOptions(2, 2, 3).padding(1));
  EXPECT_EQ(create_stream(Nested(conv))->timing().receptive_field_frames(), 3);
  // A forward() of its own is not taken for a chain.
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "TwiceImpl",
                      error_of<Refusal>([&] { create_stream(Twice(conv)); }));
}

TEST(Api, InvalidPoolingLayer) {
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "invalid pooling layer",
                      error_of([] { Pool1dStream{nn::ReLU()}; }));
}

TEST(Api, ResidualsThatHaveNoExactStream) {
  auto residual = [](nn::Sequential net) { return Residual1d(net); };
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "stride 2", error_of([&] {
                        residual(nn::Sequential(nn::Conv1d(nn::Conv1dOptions(1, 1, 3).stride(2))));
                      }));
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "out of 2", error_of<Refusal>([&] {
                        create_stream(residual(nn::Sequential(nn::AvgPool1d(2))));
                      }));
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "longer", error_of<Refusal>([&] {
                        create_stream(residual(nn::Sequential(
                            nn::ConvTranspose1d(nn::ConvTranspose1dOptions(1, 1, 3)))));
                      }));
  EXPECT_PRED_FORMAT2(
      ::testing::IsSubstring, "depends on its length", error_of<Refusal>([&] {
        create_stream(residual(nn::Sequential(
            nn::AvgPool1d(2), nn::ConvTranspose1d(nn::ConvTranspose1dOptions(1, 1, 2).stride(2)))));
      }));
}

TEST(Api, TheLastRegistrationWins) {
  torch::NoGradGuard guard;
  const Tensor x = torch::randn({2, 30});
  register_streamer<PreviousImpl>([](std::shared_ptr<PreviousImpl>) {
    return std::make_shared<Elementwise1dStream>(nn::Tanh());
  });
  register_streamer<PreviousImpl>(
      [](std::shared_ptr<PreviousImpl>) { return std::make_shared<PreviousStream>(); });
  expect_equal(*create_stream(Previous()), offline_of(nn::AnyModule(Previous())), x, {1, 0, 20, 9});

  // Inside of nets, too; custom streams are processes like any other.
  nn::Sequential net(nn::Conv1d(nn::Conv1dOptions(2, 2, 3)), Previous(),
                     Residual1d(nn::Sequential(Previous(), nn::ReLU())));
  expect_equal(*create_stream(net), offline_of(any_module(net)), x, {5, 5, 0, 20});

  // A built-in can be replaced, and put back.
  register_streamer<nn::Conv1dImpl>([](std::shared_ptr<nn::Conv1dImpl>) {
    return std::make_shared<Elementwise1dStream>(nn::Identity());
  });
  EXPECT_EQ(create_stream(nn::Conv1d(nn::Conv1dOptions(1, 1, 9)))->timing().frames_out(4, true), 4);
  register_streamer<nn::Conv1dImpl>([](std::shared_ptr<nn::Conv1dImpl> conv) {
    return std::make_shared<Conv1dStream>(nn::Conv1d(conv));
  });
  EXPECT_EQ(create_stream(nn::Conv1d(nn::Conv1dOptions(1, 1, 3)))->timing().frames_out(4, true), 2);
  EXPECT_THROW(register_streamer(typeid(int), nullptr), Error);
}

TEST(Api, TheStreamerOfSequentialCanBeReplaced) {
  const nn::Sequential net(nn::Conv1d(nn::Conv1dOptions(1, 1, 3)));
  register_streamer<nn::SequentialImpl>([](std::shared_ptr<nn::SequentialImpl>) {
    return std::make_shared<Elementwise1dStream>(nn::Identity());
  });
  EXPECT_EQ(create_stream(net)->timing().frames_out(4, true), 4);
  register_streamer<nn::SequentialImpl>([](std::shared_ptr<nn::SequentialImpl> chain) {
    return std::make_shared<Sequential1dStream>(nn::Sequential(chain));
  });
  EXPECT_EQ(create_stream(net)->timing().frames_out(4, true), 2);
}

// A factory may throw anything; what comes out names the module.
TEST(Api, ErrorsOfStreamersAreRefusals) {
  register_streamer<HalfImpl>([](std::shared_ptr<HalfImpl>) -> std::shared_ptr<BaseStream> {
    throw std::runtime_error("out of luck");
  });
  const std::string error = error_of<Refusal>([] { create_stream(nn::Sequential(Half())); });
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "HalfImpl in module '0'", error);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "out of luck", error);
  EXPECT_NE(error_of([] { create_stream(nn::Conv1d(nullptr)); }), "");
}

// Memory far back, and a module so quiet that an absolute tolerance would let it through.
TEST(Api, MixingIsFoundFarBackAndQuietly) {
  for (const int64_t dilation : {1, 16, 1000})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "mixes frames",
                        error_of<Refusal>([=] { create_stream(Causal(dilation)); }));
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "mixes frames",
                      error_of<Refusal>([] { create_stream(Quiet()); }));
}

// What comes out is an ordinary tensor of the caller's.
TEST(Api, OutputsCanBeWrittenToAndTrainedWith) {
  for (const bool passes : {true, false}) {
    const auto stream = passes ? create_stream(nn::Identity())
                               : create_stream(nn::Conv1d(nn::Conv1dOptions(1, 1, 2)));
    const Tensor x = torch::randn({1, 8}), before = x.clone();
    Tensor y = *stream->forward(x);
    EXPECT_TRUE(y.is_contiguous());
    y.mul_(2);
    EXPECT_TRUE(x.equal(before));
    Tensor w = torch::ones({1}, torch::requires_grad());
    (y * w).sum().backward();
    EXPECT_TRUE(w.grad().defined());
  }
}

TEST(Api, ModulesCanBeCloned) {
  torch::NoGradGuard guard;
  Sequential1d net(Residual1d(nn::Conv1d(nn::Conv1dOptions(1, 1, 3))), nn::Tanh());
  const auto copy = std::dynamic_pointer_cast<Sequential1dImpl>(net->clone());
  ASSERT_TRUE(copy);
  const Tensor x = torch::randn({1, 1, 9});
  EXPECT_TRUE(copy->forward(x).equal(net->forward(x)));
  copy->parameters()[0].zero_();
  EXPECT_FALSE(copy->forward(x).equal(net->forward(x)));
}

TEST(Api, ACustomStreamMustKeepItsTiming) {
  class Liar : public BaseStream {
   public:
    Liar() : BaseStream(Timing::pointwise()) {}

   private:
    Tensor process(const Tensor& x, bool) override { return x.slice(1, 1); }
    void clear() override {}
  };
  Liar liar;
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "promises 4", error_of([&] {
                        liar.forward(torch::randn({1, 4}));
                      }));
}

TEST(Api, StreamsOfOneModuleShareItsWeights) {
  nn::Conv1d conv(nn::Conv1dOptions(64, 64, 9));
  const Tensor copy = shared_weight(conv->weight);
  EXPECT_NE(copy.data_ptr(), conv->weight.data_ptr());
  const auto before = copy.use_count();
  const auto a = create_stream(conv), b = create_stream(Sequential1d(conv));
  EXPECT_EQ(copy.use_count(), before + 2);
  EXPECT_EQ(shared_weight(conv->weight).data_ptr(), copy.data_ptr());
  {
    torch::NoGradGuard guard;
    conv->weight.add_(1);
  }
  EXPECT_NE(shared_weight(conv->weight).data_ptr(), copy.data_ptr());
}

TEST(Api, StreamsOfOneModuleRunInParallel) {
  nn::Sequential net(nn::Conv1d(nn::Conv1dOptions(1, 8, 5)), nn::Tanh(),
                     nn::ConvTranspose1d(nn::ConvTranspose1dOptions(8, 1, 4).stride(2)));
  const Tensor x = torch::randn({1, 4000});
  Tensor expected;
  {
    torch::NoGradGuard guard;
    expected = net->forward(x.unsqueeze(0)).squeeze(0);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const auto stream = create_stream(net);
      const Tensor y = run(*stream, x, {100 + t, 0, 1900, 2000 - t});
      EXPECT_LE((y - expected).abs().max().item<double>(), 1e-6);
    });
  for (auto& thread : threads) thread.join();
}

TEST(Api, ResampleStreamKeepsTheRank) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    audio::ResampleStream stream(44100, 48000);
    const Tensor x = torch::randn({3, 1000}, dtype);
    const Tensor y = run(stream, x, {100, 0, 899, 1});
    ASSERT_EQ(y.sizes(), (std::vector<int64_t>{3, 1089}));
    const Tensor mono = run(stream, x[1], {1, 999, 0});
    ASSERT_EQ(mono.dim(), 1);
    EXPECT_TRUE(mono.equal(y[1]));
  }
}

TEST(Api, ResampleStreamEqualsTorchaudio) {
  torch::NoGradGuard guard;
  int i = 0;
  audio::for_each_torchaudio_case([&](const audio::TorchaudioCase& c) {
    const unsigned seed = base_seed() + i++;
    SCOPED_TRACE(::testing::Message()
                 << c.source_hz << " -> " << c.target_hz << " width "
                 << c.options.lowpass_filter_width << " TORCHSTREAMER_SEED=" << seed);
    Random random(seed);
    auto tensor = [&](const auto& f32, const auto& f64) {
      return c.is_double ? torch::tensor(f64, torch::kDouble) : torch::tensor(f32);
    };
    const Tensor x = tensor(c.x_f32, c.x_f64), expected = tensor(c.y_f32, c.y_f64);
    audio::ResampleStream stream(c.source_hz, c.target_hz, c.options.resampling_method,
                                 c.options.lowpass_filter_width, c.options.rolloff, c.options.beta);
    const Tensor y = run(stream, x, random_chunks(random, x.size(0)));
    ASSERT_EQ(y.sizes(), expected.sizes());
    const double scale = std::max(1.0, expected.abs().max().item<double>());
    EXPECT_LE((y - expected).abs().max().item<double>(), tolerance(x) * scale);
  });
}

TEST(Api, ResampleStreamEdges) {
  for (const int64_t frames : {0, 1, 2, 7}) {
    audio::ResampleStream up(16000, 48000), down(48000, 16000), same(8000, 8000);
    const Tensor x = torch::randn({frames});
    const Tensor y = run(up, x, {frames, 0}), z = run(down, x, {0, frames});
    EXPECT_EQ(y.defined() ? y.size(0) : 0, 3 * frames);
    EXPECT_EQ(z.defined() ? z.size(0) : 0, (frames + 2) / 3);
    const Tensor passed = run(same, x, {frames});
    if (frames > 0) {
      EXPECT_TRUE(passed.equal(x));
    }
  }
}

TEST(Api, ResampleStreamErrors) {
  using audio::ResampleStream;
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "sinc_interp_kaiser",
                      error_of([] { ResampleStream(8000, 16000, "linear"); }));
  EXPECT_NE(error_of([] { ResampleStream(0, 16000); }), "");
  EXPECT_NE(error_of([] { ResampleStream(8000, -1); }), "");
  EXPECT_NE(error_of([] { ResampleStream(8000, 16000, "sinc_interp_hann", 0); }), "");
  EXPECT_NE(error_of([] { ResampleStream(8000, 16000, "sinc_interp_hann", 6, 1.5); }), "");
  ResampleStream stream(8000, 16000);
  EXPECT_NE(error_of([&] { stream.forward(torch::ones({4}, torch::kShort)); }), "");
  EXPECT_NE(error_of([&] { stream.forward(torch::ones({1, 1, 4})); }), "");
  EXPECT_TRUE(stream.forward(torch::ones({40}), true));
}

TEST(Api, ResampleStreamInsideANet) {
  torch::NoGradGuard guard;
  nn::Conv1d conv(nn::Conv1dOptions(1, 2, 3));
  register_streamer<ThirdImpl>(
      [](std::shared_ptr<ThirdImpl>) { return std::make_shared<audio::ResampleStream>(3, 2); });
  const auto net = create_stream(nn::Sequential(conv, Third()));
  const Tensor x = torch::randn({1, 50});
  audio::ResampleStream alone(3, 2);
  expect_equal(*net,
               [&](const Tensor& s) {
                 return *alone.forward(conv->forward(s.unsqueeze(0)).squeeze(0), true);
               },
               x, {1, 1, 0, 20, 28, 0});
}

}  // namespace
}  // namespace torchstreamer::testing
