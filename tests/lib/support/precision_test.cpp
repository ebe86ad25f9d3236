// precision.h, which all comparisons with an offline model use, rejects wrong frames and samples.
#include "lib/support/precision.h"

#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

class Precision : public ::testing::Test {
 protected:
  Precision() {
    torch::NoGradGuard guard;
    torch::manual_seed(base_seed());
    ScriptedStream model(
        scripted("def forward(self, x):\n"
                 "  return torch.conv1d(x, self.weight).tanh()",
                 {{"weight", torch::randn({2, 1, 5})}}));
    const Tensor x = model.signal(500);
    expected = expected_of(model.offline(), x);
    streamed = run(*model.stream, x, {7, 93, 400});
  }

  Expected expected;
  Tensor streamed;  // [C, T]
};

TEST_F(Precision, AcceptsTheStream) {
  EXPECT_EQ(expected.y.scalar_type(), at::kDouble);
  EXPECT_GT(expected.own_error, 0);
  EXPECT_LT(expected.own_error, 4e-7 * expected.peak);
  EXPECT_EQ(expected.allowed, 1e-6 * expected.peak);
  EXPECT_TRUE(is_within_rounding(streamed, expected));
}

TEST_F(Precision, RejectsAnOutputThatIsShiftedByOneFrame) {
  EXPECT_FALSE(is_within_rounding(streamed.roll(1, 1), expected));
  EXPECT_FALSE(is_within_rounding(streamed.roll(-1, 1), expected));
  EXPECT_FALSE(is_within_rounding(streamed.slice(1, 1), expected)) << "a different length";
}

TEST_F(Precision, RejectsAWrongFrameAtEitherEdge) {
  for (const int64_t edge : {int64_t{0}, streamed.size(1) - 1}) {
    Tensor wrong = streamed.clone();
    wrong.select(1, edge).mul_(0.99);
    EXPECT_FALSE(is_within_rounding(wrong, expected)) << "frame " << edge;
  }
}

TEST_F(Precision, RejectsOneSampleThatIsWrongByTwoMillionthsOfThePeak) {
  Tensor wrong = streamed.clone();
  wrong[1][250] += 2e-6 * expected.peak;
  EXPECT_FALSE(is_within_rounding(wrong, expected));
}

TEST_F(Precision, RejectsNan) {
  Tensor wrong = streamed.clone();
  wrong[0][3] = std::nan("");
  EXPECT_FALSE(is_within_rounding(wrong, expected));
}

// The allowed error of the stream is twice the error of the model's own float32 run.
TEST_F(Precision, AllowsTwiceTheErrorOfTheModelItself) {
  const Tensor exact = torch::ones({1, 4}, torch::kDouble);
  Tensor own = torch::ones({1, 4});
  own[0][2] += 1e-5;
  const Expected e = expected_from(own, exact, tolerance(own));
  EXPECT_NEAR(e.allowed, 2e-5, 1e-7);
  EXPECT_TRUE(is_within_rounding(exact + 1.9e-5, e));
  EXPECT_FALSE(is_within_rounding(exact + 2.2e-5, e));
}

// If rounding changes the result of a quantiser, the float32 output is the reference.
TEST_F(Precision, StaysStrictIfTheModelInFloat64ChoosesDifferently) {
  const Offline offline([](const Tensor& x) { return x.round(); },
                        [](const Tensor& x) { return (x + 1e-9).round(); });
  const Tensor x = torch::full({1, 3}, 0.5);
  const Expected e = expected_of(offline, x);
  EXPECT_TRUE(is_within_rounding(torch::zeros({1, 3}), e));
  EXPECT_FALSE(is_within_rounding(torch::ones({1, 3}), e));
}

}  // namespace
}  // namespace torchstreamer::testing
