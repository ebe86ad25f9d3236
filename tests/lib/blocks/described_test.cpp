// Descriptions of methods by buffers that do not fit what the calls return.
#include "expect_says.h"
#include "lib/blocks/block_rig.h"
#include "lib/support/script_model.h"
#include "temporary_folder.h"

namespace torchstreamer::testing {
namespace {

struct Described {
  const char* name;
  const char* body;
  std::vector<int64_t> params;
  const char* text;  // a part of the warning or error; empty if there is none
};

void PrintTo(const Described& d, std::ostream* out) { *out << d.name; }

class Descriptions : public ::testing::TestWithParam<Described> {
 protected:
  // A model whose encode() returns one frame for 16, saved with the description of forward().
  std::string saved() const {
    torch::jit::Module module = scripted(
        std::string("def encode(self, x):\n  return x[:, :, ::16]\ndef forward(self, x):\n  ") +
        GetParam().body);
    module.register_buffer("encode_params", torch::tensor({1, 1, 1, 16}));
    module.register_buffer("forward_params", torch::tensor(GetParam().params));
    const std::string path = (folder_ / "model.pt").string();
    module.save(path);
    return path;
  }

 private:
  test::TemporaryFolder folder_;
};

TEST_P(Descriptions, AreCompared) {
  std::string text;
  const std::string error = error_of([&] {
    const auto model = load_model(saved());
    for (const std::string& warning : model->warnings()) text += warning;
    // The output is that of the model, whatever the description is.
    const Tensor x = torch::randn({1, 64});
    torch::jit::Module module = torch::jit::load(saved());
    EngineRun run(*model, 1, 0);
    expect_same(run(x, {30, 34}), module({x.unsqueeze(0)}).toTensor()[0].t().contiguous());
  });
  text += error;
  if (*GetParam().text == 0)
    EXPECT_EQ(text, "");
  else
    EXPECT_SAYS(GetParam().text, text);
}

const Described kDescribed[] = {
    {"right", "return torch.cat([x, -x], 1)", {1, 1, 2, 1}, ""},
    {"right_ratio", "return x[:, :, ::2]", {1, 1, 1, 2}, ""},
    {"channels_out",
     "return torch.cat([x, -x], 1)",
     {1, 1, 3, 1},
     "forward_params describes 3 channels and 16 frames of output for 16 frames, but forward() "
     "returns 2 channels and 16 frames, which are used"},
    {"ratio_out",
     "return x[:, :, ::2]",
     {1, 1, 1, 4},
     "forward_params describes 1 channel and 4 frames of output for 16 frames, but forward() "
     "returns 1 channel and 8 frames"},
    {"ratio_in",
     "return x * 2.0",
     {1, 2, 1, 1},
     "describes 1 channel and 16 frames of output for 8 frames, but forward() returns 1 channel "
     "and 8 frames"},
    {"channels_in",
     "return torch.conv1d(x, torch.ones([1, 1, 1]))",
     {2, 1, 1, 1},
     "its buffer forward_params describes 2 input channels"}};

INSTANTIATE_TEST_SUITE_P(Kinds, Descriptions, ::testing::ValuesIn(kDescribed),
                         [](const auto& info) { return info.param.name; });

// The description is that of the first output.
TEST(Descriptions, AreNotThoseOfOtherOutputs) {
  torch::jit::Module module =
      scripted("def forward(self, x):\n  return x, x.mean(2, keepdim=True)");
  module.register_buffer("forward_params", torch::tensor({1, 1, 1, 1}));
  LoadOptions options = options_of(calls_of(64));
  EXPECT_TRUE(block_model(module, options)->warnings().empty());
  options.output = "1";
  EXPECT_TRUE(block_model(module, options)->warnings().empty());
}

// A hop or a tail calls the model, although it can be planned.
TEST(Descriptions, GiveTheWindowOfHopAndTail) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  torch::jit::Module module = scripted("def forward(self, x):\n  return x * 2.0");
  module.register_buffer("forward_params", torch::tensor({1, 16, 1, 16}));
  module.register_buffer("other_params", torch::tensor({1, 1, 1, 32}));
  module.define("def other(self, x):\n  return x[:, :, ::32]\n");
  module.save(path);
  LoadOptions options;
  EXPECT_EQ(load_model(path, options)->window_frames(), 0);
  options.call.hop_frames = 1;
  EXPECT_EQ(load_model(path, options)->window_frames(), 2);
  options.call.hop_frames = 0;
  options.call.tail = Tail::kDrop;
  const auto model = load_model(path, options);
  EXPECT_EQ(model->window_frames(), 2);
  EXPECT_EQ(EngineRun(*model, 1, 0)(torch::ones({1, 5}), {5}).size(0), 4);
}

}  // namespace
}  // namespace torchstreamer::testing
