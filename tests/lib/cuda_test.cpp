// Streams on other devices than the CPU: on CUDA where there is a GPU, and everywhere on a stand-in
// that finds what lies on the wrong device. Both must equal the module on the CPU.

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/nn.h>

#include <filesystem>

#include "stand_in_device.h"
#include "streaming.h"

namespace torchstreamer::testing {
namespace {

namespace fs = std::filesystem;

constexpr double kTolerance = 1e-5;

// Why nothing can run on the device here; empty where it can.
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

fs::path models() {
  const char* folder = std::getenv("TORCHSTREAMER_MODELS");
  if (!folder) throw std::runtime_error("TORCHSTREAMER_MODELS names the folder of the test models");
  return folder;
}

std::vector<fs::path> good_models() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(models())) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() == ".pt" && name.rfind("refused", 0) != 0 &&
        name.rfind("short_", 0) != 0)
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Traced on the CPU, a model may make tensors there wherever it runs.
bool runs_on(const fs::path& file, const Tensor& x) {
  try {
    torch::jit::load(file, x.device()).forward({x});
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// The first of the tensors that forward() returned.
Tensor first_tensor(const c10::IValue& returned) {
  if (returned.isTensor()) return returned.toTensor();
  return first_tensor(returned.isTuple() ? returned.toTupleRef().elements()[0]
                                         : returned.toListRef()[0]);
}

void expect_close(const Tensor& y, const Tensor& expected) {
  ASSERT_TRUE(y.defined());
  ASSERT_EQ(y.sizes(), expected.sizes());
  const double scale = expected.abs().max().item<double>();
  EXPECT_LE((y.to(at::kCPU) - expected).abs().max().item<double>(), kTolerance * scale);
}

// What a model takes, as its stream on the CPU says.
struct Model {
  explicit Model(const fs::path& file) : script(torch::jit::load(file)) {
    const std::string name = file.filename();
    rank_2 = name.rfind("unbatched", 0) == 0;
    if (name.rfind("double", 0) == 0) dtype = at::kDouble;
    std::unique_ptr<torchstreamer::Model> loaded(torchstreamer_load_model(file.c_str(), {}));
    channels = std::max(1, loaded->channels_in());
    reach_frames = loaded->timing().receptive_field_frames();
  }

  Tensor signal(int64_t frames) const { return torch::randn({channels, frames}, dtype); }
  Tensor shaped(const Tensor& x) const { return rank_2 ? x : x.unsqueeze(0); }
  Tensor offline(const Tensor& x) {
    const Tensor y = first_tensor(script.forward({shaped(x)}));
    return y.reshape({-1, y.size(-1)});
  }

  torch::jit::Module script;
  at::ScalarType dtype = at::kFloat;
  int64_t channels = 1, reach_frames = 1;
  bool rank_2 = false;
};

TEST_P(OnDevice, ModelsEqualThemselvesOnTheCpu) {
  torch::NoGradGuard guard;
  int streamed = 0;
  for (const auto& file : good_models()) {
    SCOPED_TRACE(file.filename());
    Random random(base_seed());
    Model model(file);
    const int64_t frames = model.reach_frames + random.between(100, 300);
    const Tensor x = model.signal(frames);
    if (!runs_on(file, moved(model.shaped(x)))) {
      EXPECT_THROW(load_stream(file, options_), Error);
      continue;
    }
    ++streamed;
    const auto stream = load_stream(file, options_);
    for (int i = 0; i < 3; ++i)
      expect_close(run(*stream, moved(x), random_chunks(random, frames)), model.offline(x));
  }
  EXPECT_GE(streamed, 40);
}

TEST_P(OnDevice, EnginesTakeAndGiveMainMemory) {
  torch::NoGradGuard guard;
  for (const char* name : {"stack", "residual", "double"}) {
    SCOPED_TRACE(name);
    const fs::path file = models() / (std::string(name) + ".script.pt");
    Model model(file);
    const int64_t frames = model.reach_frames + 50;
    const Tensor x = torch::randn({frames, model.channels});
    const std::unique_ptr<torchstreamer::Model> loaded(
        torchstreamer_load_model(file.c_str(), options_));
    ASSERT_EQ(loaded->channels_in(), model.channels);
    const auto engine = loaded->start(static_cast<int>(model.channels));
    Tensor y = torch::empty(
        {engine->frames_due(frames, true), loaded->channels_out(static_cast<int>(model.channels))});
    const void* in_planes[] = {x.data_ptr()};
    void* out_planes[] = {y.data_ptr()};
    engine->push(in_planes, frames, true, out_planes);
    expect_close(y.t(), model.offline(x.t().to(model.dtype)).to(at::kFloat));
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
  const auto stream = load_stream(models() / "same3.script.pt", options_);
  try {
    stream->forward(torch::randn({1, 10}));
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, options_.device, std::string(e.what()));
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "cpu", std::string(e.what()));
  }
  EXPECT_TRUE(stream->forward(moved(torch::randn({1, 10}))));
}

}  // namespace
}  // namespace torchstreamer::testing
