// Writes in place through operators that return their argument, that change its axes, or to a part
// of a tensor that grows.
#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

torch::jit::Module module_of(const char* lines) {
  return scripted(std::string("def forward(self, x):\n  ") + lines,
                  {{"weight", torch::tensor({0.5F, -1.0F, 0.25F}).view({1, 1, 3})}});
}

class WritesThroughAliases : public ::testing::TestWithParam<Body> {};

// The write reaches the argument of the operator, too.
TEST_P(WritesThroughAliases, StreamEqualsTheModel) {
  torch::NoGradGuard guard;
  ScriptedStream model(module_of(GetParam().lines));
  Random random(base_seed());
  for (const int64_t frames : {3, 9, 200}) {
    SCOPED_TRACE(::testing::Message() << frames << " frames, seed " << base_seed());
    expect_equal(*model.stream, model.offline(), model.signal(frames),
                 random_chunks(random, frames));
  }
}

const Body kAliases[] = {
    {"dropout",
     "y = torch.conv1d(x, self.weight)\n"
     "  return y + torch.relu_(torch.dropout(y, 0.5, False))"},
    {"feature_dropout",
     "y = torch.conv1d(x, self.weight)\n"
     "  return y + torch.relu_(torch.feature_dropout(y, 0.5, False))"},
    {"type_as",
     "y = torch.conv1d(x, self.weight)\n"
     "  return y + torch.relu_(y.type_as(x))"},
    {"atleast_2d",
     "y = torch.conv1d(x, self.weight)\n"
     "  return y + torch.relu_(torch.atleast_2d(y))"},
    {"atleast_3d_of_a_part",
     "y = torch.conv1d(x, self.weight)\n"
     "  torch.atleast_3d(y[0]).mul_(0.5)\n"
     "  return y"},
    {"out_of_no_size",
     "y = torch.empty([0])\n"
     "  torch.mul(x, 0.5, out=y)\n"
     "  return y + x"},
    {"out_of_a_different_size",
     "y = torch.zeros([2, 3])\n"
     "  z = torch.sigmoid(x, out=y)\n"
     "  return y * x - z.mul_(0.25)"},
    // `out` converts the result: integers to float32, which div_() accepts, then floats to float64.
    {"out_of_a_different_type",
     "i = (x * 8.0).int()\n"
     "  y = torch.zeros([1])\n"
     "  torch.mul(i, i, out=y)\n"
     "  y.div_(3)\n"
     "  return y"},
    {"out_of_a_given_type",
     "y = torch.zeros([1], dtype=7)\n"
     "  torch.mul(x, x, out=y)\n"
     "  return y.float()"},
    {"converted", "return torch.conv1d(x, self.weight).type_as(x)"},
};
INSTANTIATE_TEST_SUITE_P(All, WritesThroughAliases, ::testing::ValuesIn(kAliases),
                         [](const auto& info) { return info.param.name; });

class RefusedWrites : public ::testing::TestWithParam<std::pair<Body, const char*>> {};

TEST_P(RefusedWrites, GiveTheReason) {
  EXPECT_SAYS(GetParam().second,
              error_of([&] { ScriptedStream model(module_of(GetParam().first.lines)); }));
}

constexpr char kAxes[] = "it changes the axes of a tensor in place";
const std::pair<Body, const char*> kRefused[] = {
    {{"transpose",
      "y = torch.conv1d(x, self.weight)\n"
      "  y.transpose_(1, 2)\n"
      "  return y.mean(2).unsqueeze(1)"},
     kAxes},
    {{"unsqueeze",
      "y = torch.conv1d(x, self.weight)\n"
      "  y.unsqueeze_(1)\n"
      "  return y.mean(1)"},
     kAxes},
    {{"squeeze",
      "y = torch.conv1d(x, self.weight)\n"
      "  y.squeeze_(0)\n"
      "  return y.unsqueeze(0)"},
     kAxes},
    // Frames before the signal depend on its length.
    {{"left_multiple",
      "t = x.size(2)\n"
      "  left = (-t) % 16\n"
      "  y = torch.zeros([1, 1, t + left])\n"
      "  y[:, :, left:] = x\n"
      "  return y * 2.0"},
     "starts at a frame that depends on the length of the signal"},
};
INSTANTIATE_TEST_SUITE_P(All, RefusedWrites, ::testing::ValuesIn(kRefused),
                         [](const auto& info) { return info.param.first.name; });

}  // namespace
}  // namespace torchstreamer::testing
