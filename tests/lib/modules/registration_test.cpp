// Streams that a user registers.
#include "expect_says.h"
#include "lib/modules/custom_modules.h"
#include "lib/support/random_nets.h"

namespace torchstreamer::testing {
namespace {

TEST(Api, TheLastRegistrationIsUsed) {
  torch::NoGradGuard guard;
  const Tensor x = torch::randn({2, 30});
  register_streamer<PreviousImpl>([](std::shared_ptr<PreviousImpl>) {
    return std::make_shared<Elementwise1dStream>(nn::Tanh());
  });
  register_streamer<PreviousImpl>(
      [](std::shared_ptr<PreviousImpl>) { return std::make_shared<PreviousStream>(); });
  expect_equal(*create_stream(Previous()), offline_of(nn::AnyModule(Previous())), x, {1, 0, 20, 9});

  // Custom streams also work inside of nets.
  nn::Sequential net(nn::Conv1d(nn::Conv1dOptions(2, 2, 3)), Previous(),
                     Residual1d(nn::Sequential(Previous(), nn::ReLU())));
  expect_equal(*create_stream(net), offline_of(any_module(net)), x, {5, 5, 0, 20});

  // A built-in stream can be replaced and restored.
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

// A factory may throw any exception; the Refusal names the module.
TEST(Api, ErrorsOfStreamersAreRefusals) {
  register_streamer<HalfImpl>([](std::shared_ptr<HalfImpl>) -> std::shared_ptr<BaseStream> {
    throw std::runtime_error("out of luck");
  });
  const std::string error = error_of<Refusal>([] { create_stream(nn::Sequential(Half())); });
  EXPECT_SAYS("HalfImpl in module '0'", error);
  EXPECT_SAYS("out of luck", error);
  EXPECT_NE(error_of([] { create_stream(nn::Conv1d(nullptr)); }), "");
}

// Dependencies on frames far in the past, and on values smaller than a usual absolute tolerance.
TEST(Api, DistantAndWeakDependenciesAreFound) {
  for (const int64_t dilation : {1, 16, 1000})
    EXPECT_SAYS("mixes frames", error_of<Refusal>([=] { create_stream(Causal(dilation)); }));
  EXPECT_SAYS("mixes frames", error_of<Refusal>([] { create_stream(Quiet()); }));
}

}  // namespace
}  // namespace torchstreamer::testing
