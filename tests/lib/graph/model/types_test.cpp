// Types and devices inside the file: half precision is computed in float32, devices are those of
// the options, complex outputs are refused or become channels.
#include <ATen/ops/stft.h>

#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

using Weights = std::map<std::string, Tensor>;

// A model of half precision that also names its type.
constexpr char kHalfSource[] =
    "def forward(self, x):\n"
    "  y = torch.conv1d(x.to(%TYPE%), self.taps)\n"
    "  return (y + torch.ones([1], dtype=%TYPE%)).float()";

std::string half_source(at::ScalarType type) {
  const std::string number = std::to_string(static_cast<int>(type));
  std::string source = kHalfSource;
  for (size_t at; (at = source.find("%TYPE%")) != source.npos;) source.replace(at, 6, number);
  return source;
}

class HalfTypes : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(All, HalfTypes, ::testing::Values(at::kHalf, at::kBFloat16));

TEST_P(HalfTypes, AreComputedInFloat32) {
  torch::NoGradGuard guard;
  torch::manual_seed(base_seed());
  const at::ScalarType half = GetParam();
  const std::string name = half == at::kHalf ? "float16" : "bfloat16";
  const Tensor taps = torch::randn({2, 1, 5}).to(half);
  torch::jit::Module module = scripted(half_source(half), {{"taps", taps}}, half);
  const graph::ScriptModel model(module, at::kCPU);
  EXPECT_EQ(model.dtype(), at::kFloat);
  EXPECT_EQ(model.remarks(), std::vector<std::string>{"the weights are " + name +
                                                      "; the model is computed in float32"});
  LoadOptions options;
  LayerStream stream(model.plan(options));
  const auto expected_in = [&](at::ScalarType type) {
    return [taps, type](const Tensor& x) {
      return (at::conv1d(x.unsqueeze(0), taps.to(type)) + 1).squeeze(0);
    };
  };
  const Offline offline(expected_in(at::kFloat), expected_in(at::kDouble));
  Random random(base_seed());
  for (const int64_t frames : {5, 90})
    expect_equal(stream, offline, torch::randn({1, frames}), random_chunks(random, frames));
  // The model itself in float64, the reference of a verification.
  const auto exact = model.in_type(at::kDouble).offline_rule({});
  const Tensor x = torch::randn({1, 40}, at::kDouble);
  EXPECT_LE(largest_difference(exact(x), expected_in(at::kDouble)(x)), 1e-12);
  EXPECT_EQ((*module.buffers().begin()).scalar_type(), half) << "the module itself stays";
}

// A buffer of half precision does not round the weights of other types.
TEST_P(HalfTypes, LeaveTheOtherTypes) {
  torch::NoGradGuard guard;
  torch::manual_seed(base_seed());
  const at::ScalarType half = GetParam();
  const Tensor taps = torch::randn({2, 1, 5}, at::kDouble);
  torch::jit::Module module = scripted(
      "def forward(self, x):\n"
      "  return torch.conv1d(x, self.taps) * self.volume",
      {{"taps", taps}, {"volume", torch::ones({1})}}, at::kDouble);
  module.setattr("volume", torch::full({1}, 0.75).to(half));
  const graph::ScriptModel model(module, at::kCPU);
  EXPECT_EQ(model.dtype(), at::kDouble);
  LoadOptions options;
  LayerStream stream(model.plan(options));
  const Offline offline(
      [taps](const Tensor& x) { return at::conv1d(x.unsqueeze(0), taps).squeeze(0) * 0.75; });
  Random random(base_seed());
  for (const int64_t frames : {5, 90})
    EXPECT_TRUE(expect_equal(stream, offline, torch::randn({1, frames}, at::kDouble),
                             random_chunks(random, frames)));
}

TEST(Types, OfConstantsFollowTheModelInFloat64) {
  torch::NoGradGuard guard;
  const graph::ScriptModel model(scripted("def forward(self, x):\n"
                                          "  ramp = torch.arange(2, dtype=6) / 3\n"
                                          "  return x.to(6) * ramp.view(1, 2, 1)"),
                                 at::kCPU);
  const Tensor x = torch::randn({2, 9}, at::kDouble);
  const Tensor y = model.in_type(at::kDouble).offline_rule({})(x);
  EXPECT_EQ(y.scalar_type(), at::kDouble);
  EXPECT_LE(largest_difference(y, x * torch::tensor({{0.0}, {1 / 3.0}}, at::kDouble)), 1e-15);
}

// The initial state has libtorch's default type: an LSTM takes states of its own type only.
TEST(Types, OfNewTensorsFollowTheModelInFloat64) {
  torch::NoGradGuard guard;
  torch::manual_seed(base_seed());
  const graph::ScriptModel model(
      scripted("def forward(self, x):\n"
               "  h = torch.zeros([1, 1, 3])\n"
               "  y, a, b = torch.lstm(x.transpose(1, 2), [h, h], [self.i, self.h], False, 1, 0.0, "
               "False, False, True)\n"
               "  return y.transpose(1, 2)",
               {{"i", torch::randn({12, 2})}, {"h", torch::randn({12, 3})}}),
      at::kCPU);
  const Tensor x = torch::randn({2, 50});
  const Tensor exact = model.in_type(at::kDouble).offline_rule({})(x.to(at::kDouble));
  EXPECT_EQ(exact.scalar_type(), at::kDouble);
  EXPECT_LE(largest_difference(model.offline_rule({})(x), exact), 1e-6);
}

TEST(Devices, InsideTheFileAreThatOfTheOptions) {
  torch::NoGradGuard guard;
  torch::jit::Module module("m");
  module.register_attribute("place", c10::DeviceObjType::get(), at::Device("cuda:0"));
  module.define(
      "def forward(self, x):\n"
      "  a = torch.ones([1], device='cuda:0') + torch.ones([1], device=torch.device('mps'))\n"
      "  b = torch.ones([1]).to(self.place) + torch.ones([1]).to('cuda')\n"
      "  return x.cuda().cpu() * a + b.cpu()\n");
  const graph::ScriptModel model(module, at::kCPU);
  LoadOptions options;
  LayerStream stream(model.plan(options));
  const Tensor x = torch::randn({1, 30});
  EXPECT_TRUE(run(stream, x, {7, 23}).allclose(2 * x + 2, 0, 1e-6));
}

constexpr char kSpectrum[] =
    "def forward(self, x):\n"
    "  return torch.stft(x[0], 8, 4, window=self.weight, center=False, return_complex=True)";

TEST(ComplexOutputs, AreRefused) {
  const graph::ScriptModel model(scripted(kSpectrum, {{"weight", torch::hann_window(8)}}),
                                 at::kCPU);
  LoadOptions options;
  try {
    model.plan(options);
    ADD_FAILURE() << "no error";
  } catch (const Refusal& e) {
    EXPECT_EQ(e.subject(), "aten::stft");
    EXPECT_EQ(e.reason(),
              "the output is complex and audio is real; return torch.view_as_real() of it or its "
              "magnitude, or choose complex-output=channels for its two parts as channels");
  }
}

TEST(ComplexOutputs, AreTwoChannelsForEachOneOnRequest) {
  torch::NoGradGuard guard;
  const Tensor window = torch::hann_window(8);
  for (const Execution execution : {Execution::kNative, Execution::kReference}) {
    const graph::ScriptModel model(scripted(kSpectrum, {{"weight", window}}), at::kCPU);
    LoadOptions options;
    options.complex_output = ComplexOutput::kChannels;
    options.execution = execution;
    LayerStream stream(model.plan(options));
    const auto expected_in = [&](at::ScalarType type) {
      return [window, type](const Tensor& x) {
        const Tensor y = at::stft(x, 8, 4, 8, window.to(type), false, true, true)[0];
        return at::view_as_real(y).permute({0, 2, 1}).flatten(0, 1);  // re, im of each frequency
      };
    };
    const Offline offline(expected_in(at::kFloat), expected_in(at::kDouble));
    Random random(base_seed());
    for (const int64_t frames : {8, 100})
      EXPECT_TRUE(
          expect_equal(stream, offline, torch::randn({1, frames}), random_chunks(random, frames)));
  }
}

}  // namespace
}  // namespace torchstreamer::testing
