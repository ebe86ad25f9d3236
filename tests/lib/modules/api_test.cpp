// The public interface of streams: errors, empty pushes, proofs and ownership.
#include <thread>

#include "expect_says.h"
#include "lib/modules/custom_modules.h"
#include "lib/support/random_nets.h"
#include "support/weights.h"

namespace torchstreamer::testing {
namespace {

TEST(Api, AWrongInputIsAnErrorAndTheStreamContinues) {
  torch::NoGradGuard guard;
  nn::Conv1d conv(nn::Conv1dOptions(2, 3, 3));
  const auto stream = create_stream(conv);
  const Tensor x = torch::randn({2, 20});
  Tensors parts;
  auto push = [&](int64_t start, int64_t end, bool final) {
    if (const auto y = stream->forward(x.slice(1, start, end), final)) parts.push_back(*y);
  };
  auto try_all = [&] {
    EXPECT_SAYS("2 channels", error_of([&] { stream->forward(torch::randn({3, 4})); }));
    EXPECT_SAYS("[C, T]", error_of([&] { stream->forward(torch::randn({1, 2, 4})); }));
    EXPECT_SAYS("[C, T]", error_of([&] { stream->forward(torch::randn({4})); }));
    EXPECT_SAYS("undefined", error_of([&] { stream->forward(Tensor()); }));
    EXPECT_SAYS("Double", error_of([&] { stream->forward(torch::randn({2, 4}, torch::kDouble)); }));
    EXPECT_SAYS("float32 or float64", error_of([&] {
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

TEST(Api, TheChannelsOfAChainAreCheckedBeforeProcessing) {
  torch::NoGradGuard guard;
  nn::Sequential net(nn::MaxPool1d(2), nn::Conv1d(nn::Conv1dOptions(2, 1, 3)));
  const auto stream = create_stream(net);
  EXPECT_SAYS("takes 2 channels", error_of([&] { stream->forward(torch::randn({5, 4})); }));
  const auto pool = create_stream(nn::MaxPool1d(2));
  pool->forward(torch::randn({5, 3}));
  EXPECT_SAYS("reset()", error_of([&] { pool->forward(torch::randn({4, 3})); }));
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

// A stage without output must still forward the final push to later stages.
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
    FAIL() << "a reversal of time was not refused";
  } catch (const Refusal& e) {
    EXPECT_EQ(e.path(), "1.1");
    EXPECT_SAYS("ReverseImpl", e.subject());
    EXPECT_SAYS("mixes frames", e.reason());
    EXPECT_SAYS("'1.1'", e.what());
  }
  EXPECT_SAYS("mixes frames", error_of<Refusal>([] { create_stream(nn::GroupNorm(1, 4)); }));
  EXPECT_SAYS("length", error_of<Refusal>([] { Elementwise1dStream{nn::AvgPool1d(2)}; }));
  EXPECT_SAYS("eval()", error_of<Refusal>([] { create_stream(nn::BatchNorm1d(2)); }));
  EXPECT_SAYS("eval()", error_of<Refusal>([] { create_stream(nn::Dropout(0.5)); }));
  EXPECT_NE(error_of<Refusal>([] { create_stream(nn::LSTM(3, 4)); }), "");
}

// The proof does not use the random generator of the process and does not change modules.
TEST(Api, ProvingHasNoSideEffects) {
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

// PyTorch recommends such a subclass, whose forward() is not a template, for nesting.
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
  // A subclass that changes the result in forward() is not a chain.
  EXPECT_SAYS("TwiceImpl", error_of<Refusal>([&] { create_stream(Twice(conv)); }));
}

TEST(Api, InvalidPoolingLayer) {
  EXPECT_SAYS("invalid pooling layer", error_of([] { Pool1dStream{nn::ReLU()}; }));
}

TEST(Api, ResidualsWithoutAnExactStreamAreRefused) {
  auto residual = [](nn::Sequential net) { return Residual1d(net); };
  EXPECT_SAYS("stride 2", error_of([&] {
                residual(nn::Sequential(nn::Conv1d(nn::Conv1dOptions(1, 1, 3).stride(2))));
              }));
  EXPECT_SAYS("out of 2", error_of<Refusal>(
                              [&] { create_stream(residual(nn::Sequential(nn::AvgPool1d(2)))); }));
  EXPECT_SAYS("longer", error_of<Refusal>([&] {
                create_stream(residual(
                    nn::Sequential(nn::ConvTranspose1d(nn::ConvTranspose1dOptions(1, 1, 3)))));
              }));
  EXPECT_PRED_FORMAT2(
      ::testing::IsSubstring, "depends on its length", error_of<Refusal>([&] {
        create_stream(residual(nn::Sequential(
            nn::AvgPool1d(2), nn::ConvTranspose1d(nn::ConvTranspose1dOptions(1, 1, 2).stride(2)))));
      }));
}

// Outputs are ordinary tensors, owned by the caller.
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
  EXPECT_SAYS("its timing requires 4", error_of([&] { liar.forward(torch::randn({1, 4})); }));
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
  Expected expected;
  {
    torch::NoGradGuard guard;
    expected = expected_of(offline_of(any_module(net)), x);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const auto stream = create_stream(net);
      const Tensor y = run(*stream, x, {100 + t, 0, 1900, 2000 - t});
      expect_within_rounding(y, expected);
    });
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace torchstreamer::testing
