// Streams on devices other than the CPU: on CUDA if there is a GPU, and always on a stand-in
// device, which detects tensors on the wrong device. Both must equal the module on the CPU.

#include <torch/nn.h>

#include "expect_says.h"
#include "lib/blocks/block_cases.h"
#include "lib/support/error_of.h"
#include "lib/support/model_files.h"
#include "lib/support/stand_in_device.h"
#include "support/exceptions.h"

namespace torchstreamer::testing {
namespace {

constexpr double kTolerance = 1e-5;

// Reason why the device cannot be used on this machine; empty if it can.
std::string lacking(const std::string& device) {
  if (device != "cuda") return "";
  if (!at::hasCUDA()) return "this libtorch is built without CUDA";
  try {
    at::empty({1}, at::TensorOptions(at::Device(device)));
    return "";
  } catch (const std::exception& e) {
    return "there is no GPU: " + message_of(e);
  }
}

class OnDevice : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const std::string why = lacking(GetParam()); !why.empty()) GTEST_SKIP() << why;
    options_.device = GetParam();
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setAllowTF32CuDNN(false);
  }

  Tensor moved(const Tensor& x) const { return x.to(at::Device(options_.device)); }

  LoadOptions options_;
};

INSTANTIATE_TEST_SUITE_P(Devices, OnDevice, ::testing::Values("cuda", kStandInDevice));

void expect_close(const Tensor& y, const Tensor& expected) {
  ASSERT_TRUE(y.defined());
  ASSERT_EQ(y.sizes(), expected.sizes());
  const double scale = expected.abs().max().item<double>();
  EXPECT_LE((y.to(at::kCPU) - expected).abs().max().item<double>(), kTolerance * scale);
}

// Runs the model on the device of `x`: a model that was traced on the CPU may create tensors there
// and fail.
bool runs_offline(const ModelFile& file, const Tensor& x) {
  try {
    graph::ScriptModel((models() / file.name).string(), x.device()).offline_rule(call_of(file))(x);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// The model on the CPU; null if it cannot be streamed, which is an error in families_test.
std::unique_ptr<LoadedModel> loaded_on_cpu(const ModelFile& file) {
  try {
    return std::make_unique<LoadedModel>(file);
  } catch (const Error&) {
    return nullptr;
  }
}

// Returns true if the model runs on both devices.
bool expect_same_on_device(const ModelFile& file, LoadOptions options) {
  options.channels = file.channels;
  Random random(base_seed());
  const auto on_cpu = loaded_on_cpu(file);
  if (!on_cpu) return false;
  LoadedModel& model = *on_cpu;
  int64_t frames = model.stream->timing().receptive_field_frames() + random.between(100, 300);
  while (!model.holds_for(frames)) ++frames;
  const Tensor x = model.signal(frames), there = x.to(at::Device(options.device));
  const std::string path = (models() / file.name).string();
  if (!runs_offline(file, there)) {
    EXPECT_THROW(load_stream(path, options), Error);
    return false;
  }
  const auto stream = load_stream(path, options);
  for (int i = 0; i < 2; ++i)
    expect_close(run(*stream, there, random_chunks(random, frames)), model.offline()(x));
  return true;
}

TEST_P(OnDevice, ModelsEqualThemselvesOnTheCpu) {
  torch::NoGradGuard guard;
  int streamed = 0;
  for (const ModelFile& file : model_files()) {
    SCOPED_TRACE(file.name);
    try {
      if (expect_same_on_device(file, options_)) ++streamed;
    } catch (const std::exception& e) {
      ADD_FAILURE() << e.what();
    }
  }
  EXPECT_GE(streamed, 100);
}

TEST_P(OnDevice, EnginesReadAndWriteMainMemory) {
  torch::NoGradGuard guard;
  for (const ModelFile& file : model_files()) {
    if (file.name != "stack.script.pt" && file.name != "double.script.pt") continue;
    SCOPED_TRACE(file.name);
    const LoadedModel model(file);
    const int64_t frames = model.stream->timing().receptive_field_frames() + 50;
    const Tensor x = torch::randn({frames, model.channels});
    const std::unique_ptr<torchstreamer::Model> loaded(
        torchstreamer_load_model((models() / file.name).c_str(), options_));
    ASSERT_EQ(loaded->channels_in(), model.channels);
    const auto engine = loaded->start(loaded->channels_in());
    const Tensor y = torch::empty(
        {engine->frames_due(frames, true), loaded->channels_out(loaded->channels_in())});
    const void* in_planes[] = {x.data_ptr()};
    void* out_planes[] = {y.data_ptr()};
    engine->push(in_planes, frames, true, out_planes);
    expect_close(y.t(), model.offline()(x.t().to(file.dtype)).to(at::kFloat));
  }
}

TEST_P(OnDevice, ModulesEqualThemselvesOnTheCpu) {
  namespace nn = torch::nn;
  torch::NoGradGuard guard;
  Random random(base_seed());
  Sequential1d net(nn::Conv1d(nn::Conv1dOptions(2, 4, 3).dilation(2)), nn::BatchNorm1d(4),
                   nn::ReLU(), Residual1d(nn::Conv1d(4, 4, 5)),
                   nn::MaxPool1d(nn::MaxPool1dOptions(3).stride(2)),
                   nn::AvgPool1d(nn::AvgPool1dOptions(3).stride(2).ceil_mode(true)),
                   nn::ConvTranspose1d(nn::ConvTranspose1dOptions(4, 3, 5).stride(3)), nn::Tanh());
  net->eval();
  const Tensor x = torch::randn({2, 301});
  const Tensor expected = net->forward(x.unsqueeze(0)).squeeze(0);
  try {
    net->to(at::Device(options_.device));
  } catch (const c10::Error& e) {
    if (options_.device != kStandInDevice) throw;
    GTEST_SKIP() << "this libtorch moves no parameters to the stand-in: "
                 << e.what_without_backtrace();
  }
  const auto stream = create_stream(net);
  for (int i = 0; i < 3; ++i)
    expect_close(run(*stream, moved(x), random_chunks(random, x.size(1))), expected);
}

TEST_P(OnDevice, SignalsOfTheCpuAreErrors) {
  const auto stream = load_stream((models() / "same3.script.pt").string(), options_);
  const std::string error = error_of([&] { stream->forward(torch::randn({1, 10})); });
  EXPECT_SAYS(options_.device, error);
  EXPECT_SAYS("cpu", error);
  EXPECT_TRUE(stream->forward(moved(torch::randn({1, 10}))));
}

TEST_P(OnDevice, ModelsRunBlockByBlock) {
  Random random(base_seed());
  for (const BlockCase& c : block_cases()) {
    // This model makes its state on the CPU.
    if (std::string(c.file) == "vad") continue;
    SCOPED_TRACE(c.name);
    const auto model = c.load(options_.device);
    EngineRun run(*model, c.channels, c.rate_hz);
    const Tensor x = torch::randn({c.channels, 3 * c.call.window_frames});
    expect_close(run(x, random_chunks(random, x.size(1))), c.expected(x));
  }
}

}  // namespace
}  // namespace torchstreamer::testing
