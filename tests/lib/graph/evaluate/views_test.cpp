// Attributes that are views of one storage: a write to one of them changes the others.
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

// A module with several views of 12 numbers, and this body of forward(). The numbers are those of
// float16, so that they are the same in all types.
torch::jit::Module module_of(const std::string& body, at::ScalarType dtype) {
  torch::manual_seed(base_seed());
  const Tensor numbers = torch::randn({12}).to(at::kHalf).to(dtype);
  torch::jit::Module module("m");
  module.register_buffer("whole", numbers.view({1, 2, 6}));
  module.register_buffer("same", numbers.view({1, 2, 6}));
  module.register_buffer("left", numbers.view({1, 2, 6}).slice(2, 0, 2));
  module.register_buffer("turned", numbers.view({2, 6}).t());
  module.register_attribute("parts", c10::ListType::ofTensors(),
                            std::vector<Tensor>{numbers.slice(0, 0, 2), numbers.slice(0, 6, 8)});
  module.register_buffer("gains", torch::full({1, 2, 1}, 0.5, dtype));
  std::string source = "def forward(self, x):\n  ";
  for (const char c : body) source += c == '\n' ? "\n  " : std::string(1, c);
  module.define(source + "\n");
  module.eval();
  return module;
}

// The module itself over `[C, T]`; each call begins with the saved attributes.
Offline::Run run_of(const std::string& body, at::ScalarType dtype) {
  return [=](const Tensor& x) {
    return module_of(body, dtype).forward({x.unsqueeze(0).clone()}).toTensor().squeeze(0);
  };
}

class Views : public ::testing::TestWithParam<Body> {};

TEST_P(Views, StreamEqualsTheModel) {
  torch::NoGradGuard guard;
  const std::string body = GetParam().lines;
  ScriptedStream model(module_of(body, at::kFloat), 2);
  const Offline offline(run_of(body, at::kFloat), run_of(body, at::kDouble));
  Random random(base_seed());
  for (const int64_t frames : {1, 7, 200}) {
    SCOPED_TRACE(::testing::Message() << frames << " frames, seed " << base_seed());
    expect_equal(*model.stream, offline, model.signal(frames), random_chunks(random, frames));
  }
}

TEST_P(Views, CopiesOfTheModelKeepThem) {
  torch::NoGradGuard guard;
  const std::string body = GetParam().lines;
  const Tensor x = torch::randn({2, 9}, at::kDouble);
  const Tensor expected = run_of(body, at::kDouble)(x);
  for (const at::ScalarType saved : {at::kFloat, at::kHalf}) {
    const graph::ScriptModel model(module_of(body, saved), at::kCPU);
    const graph::OfflineRule exact = model.in_type(at::kDouble).offline_rule({});
    for (int call = 0; call < 2; ++call)
      EXPECT_LE(largest_difference(exact(x), expected), 1e-12) << saved << ", call " << call;
  }
}

const Body kBodies[] = {
    {"read", "return x * self.left[0, 0, 1] + self.whole.sum() - self.turned[5, 1] * self.gains"},
    {"part", "self.left.mul_(3.0)\nreturn x * self.whole.sum()"},
    {"whole", "self.whole.zero_()\nreturn torch.cat([self.left, x], 2)"},
    {"older_view", "a = self.turned[0]\nself.same.add_(1.0)\nreturn x * a.sum()"},
    {"slice", "self.whole[:, 1] = 5.0\nreturn x * self.turned[2, 1] * self.same[0, 1, 3]"},
    {"loop",
     "for i in range(3):\n  self.left[:, 0] = float(i)\n  x = x + self.same.mean()\n"
     "return x * self.gains"},
    {"replaced", "self.left = self.gains\nself.left.mul_(2.0)\nreturn x * self.whole.mean()"},
    {"list",
     "self.parts[0].mul_(2.0)\nself.parts[1] += self.same[0, 0, 0]\n"
     "return x * self.whole.sum() * self.parts[1].sum()"},
    {"state", "self.left.copy_(x[:, :, -2:] * 2.0)\nreturn x * self.gains"},
};
INSTANTIATE_TEST_SUITE_P(All, Views, ::testing::ValuesIn(kBodies),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace torchstreamer::testing
