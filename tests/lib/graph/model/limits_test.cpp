// Largest rates, paddings, windows and slices: each limit works, and beyond it the model is
// refused.
#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

struct Limit {
  const char* name;
  const char* before;  // TorchScript that returns the output, before and after the number
  const char* after;
  int64_t most;
  const char* refusal;  // text for the number `most` + 1
};

constexpr Limit kLimits[] = {
    {"Padding", "torch.constant_pad_nd(x, [", ", 0])", 1 << 22,
     "it pads the signal with 4194305 frames; at most 4194304 are supported"},
    {"SliceFromTheEnd", "x[:, :, -", ":]", 1 << 22,
     "it starts 4194305 frames before the end of the signal; at most 4194304 are supported"},
    {"Window", "torch.max_pool1d(x, [", "], [1])", 1 << 22,
     "its first frame of output needs 4194305 frames of the signal; at most 4194304 are supported"},
    {"FramesPerFrame", "torch.conv_transpose1d(x, self.w, None, [", "])", 1 << 16,
     "its output has 65537 frames for each frame of the signal; at most 65536 are supported"},
    {"Stride", "torch.max_pool1d(x, [1], [", "])", 1 << 22,
     "the ratio of the frames of its output to those of the signal, 1/4194305, is not a ratio of "
     "integers up to 4194304"},
    {"RatioOfRates", "torch.max_pool1d(torch.max_pool1d(x, [1], [65536]), [1], [", "])", 64,
     "the ratio of the frames of its output to those of the signal, 1/4259840, is not a ratio of "
     "integers up to 4194304"},
};

void PrintTo(const Limit& limit, std::ostream* out) { *out << limit.name; }

class Limits : public ::testing::TestWithParam<Limit> {
 protected:
  static torch::jit::Module model_with(int64_t number) {
    const Limit& limit = GetParam();
    const std::string source = std::string("def forward(self, x):\n  return ") + limit.before +
                               std::to_string(number) + limit.after;
    return scripted(source, {{"w", torch::ones({1, 1, 1})}});
  }
};

TEST_P(Limits, TheLargestNumberStreams) {
  ScriptedStream model(model_with(GetParam().most));
  const Tensor x = model.signal(20);
  expect_equal_or_error(model, x, {1, 7, 12});
}

TEST_P(Limits, LargerNumbersAreRefused) {
  for (const int64_t number : {GetParam().most + 1, 2 * GetParam().most}) {
    const std::string error = error_of([&] { ScriptedStream model(model_with(number)); });
    EXPECT_NE(error, "") << number;
    if (number == GetParam().most + 1) {
      EXPECT_SAYS(GetParam().refusal, error);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Limits, ::testing::ValuesIn(kLimits),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace torchstreamer::testing
