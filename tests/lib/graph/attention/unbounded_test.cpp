// Attention over all earlier frames: streams up to the length that the user gives, and is refused
// without it.
#include "expect_says.h"
#include "lib/graph/attention/attention_source.h"
#include "lib/support/error_of.h"

namespace torchstreamer::testing {
namespace {

constexpr int64_t kInputs = 2;  // channels
constexpr int64_t kMaxFrames = 3000;

// A model with unlimited attention, and its stream.
struct Unbounded {
  explicit Unbounded(const std::string& body, int64_t max_memory_frames = kMaxFrames)
      : module(attention(body)) {
    LoadOptions options;
    options.channels = kInputs;
    options.max_memory_frames = max_memory_frames;
    stream = std::make_shared<LayerStream>(graph::ScriptModel(module, at::kCPU).plan(options));
  }

  Offline offline() const {
    const auto run_of = [](torch::jit::Module m) {
      return [m](const Tensor& x) mutable {
        return m.forward({x.unsqueeze(0)}).toTensor().squeeze(0);
      };
    };
    torch::jit::Module exact = module.deepcopy();
    exact.to(at::kDouble);
    return {run_of(module), run_of(exact)};
  }

  torch::jit::Module module;
  std::shared_ptr<LayerStream> stream;
};

const char* const kBodies[] = {
    "    y = DOT(q, k, v, None, CAUSAL)\n",
    "    s = torch.matmul(q, k.transpose(-2, -1)) / 2.0\n"
    "    s = s.masked_fill(d < 0, -inf)\n"
    "    y = torch.matmul(torch.softmax(s, -1), v)\n",
    "    m = torch.triu(torch.full([t, t], -inf), 1)\n"
    "    s = torch.matmul(q, k.transpose(-2, -1)) + m\n"
    "    y = torch.matmul(torch.softmax(s, -1), v)\n",
    // A bias by distance that does not change beyond 20 frames.
    "    s = torch.matmul(q, k.transpose(-2, -1)) - d.clamp(0, 20) * 0.05\n"
    "    s = s.masked_fill(d < 0, -inf)\n"
    "    y = torch.matmul(torch.softmax(s, -1), v)\n",
    // Two frames of look-ahead.
    "    s = torch.matmul(q, k.transpose(-2, -1)).masked_fill(d < -2, -inf)\n"
    "    y = torch.matmul(torch.softmax(s, -1), v)\n",
};

TEST(UnboundedAttention, StreamsUpToTheGivenLength) {
  torch::NoGradGuard guard;
  for (const char* body : kBodies) {
    SCOPED_TRACE(body);
    Unbounded model(body);
    Random random(base_seed());
    for (const int64_t frames : {int64_t{1}, int64_t{7}, int64_t{300}, kMaxFrames - 20}) {
      const Tensor x = torch::randn({kInputs, frames});
      expect_equal(*model.stream, model.offline(), x, random_chunks(random, frames));
    }
  }
}

TEST(UnboundedAttention, ALongerSignalIsAnErrorThatNamesTheOption) {
  torch::NoGradGuard guard;
  Unbounded model(kBodies[0]);
  model.stream->forward(torch::randn({kInputs, kMaxFrames - 20}));
  EXPECT_SAYS("increase max-memory-frames", error_of([&] {
                model.stream->forward(torch::randn({kInputs, 40}));
              }));
  EXPECT_TRUE(model.stream->forward(torch::randn({kInputs, 40})).has_value());
}

TEST(UnboundedAttention, IsRefusedWithoutALength) {
  for (const char* body : kBodies) {
    SCOPED_TRACE(body);
    EXPECT_SAYS("max-memory-frames", error_of([&] { Unbounded model(body, 0); }));
  }
}

TEST(UnboundedAttention, ABiasThatKeepsChangingIsRefused) {
  EXPECT_SAYS("changes with the distance", error_of([&] {
                Unbounded model(
                    "    s = torch.matmul(q, k.transpose(-2, -1)) - d * 0.01\n"
                    "    s = s.masked_fill(d < 0, -inf)\n"
                    "    y = torch.matmul(torch.softmax(s, -1), v)\n");
              }));
}

// Windows that are longer than all trials, in several ways.
TEST(UnboundedAttention, AWindowLongerThanTheTrialsIsRefused) {
  for (const char* mask :
       {"(d < 0) | (d > 9999)", "(d < 0) | (d - 9999 > 0)", "(d < 0) | (d / 9999.0 > 1)",
        "(d < 0) | (d > torch.tensor(9999))",
        "torch.tril(torch.ones([t, t]), -9999).add(torch.triu(torch.ones([t, t]), 1)).gt(0)"}) {
    SCOPED_TRACE(mask);
    const std::string error = error_of([&] {
      Unbounded model("    s = torch.matmul(q, k.transpose(-2, -1)).masked_fill(" +
                          std::string(mask) +
                          ", -inf)\n"
                          "    y = torch.matmul(torch.softmax(s, -1), v)\n",
                      48000);
    });
    EXPECT_SAYS("9999", error);
    EXPECT_SAYS("at most 1024 frames", error);
  }
}

// A number that fills a mask is not a distance, and a distance beyond the longest signal has no
// effect.
TEST(UnboundedAttention, OtherLargeNumbersAreAccepted) {
  torch::NoGradGuard guard;
  for (const char* mask : {"(d < 0) * -5000.0", "torch.zeros([t, t]).masked_fill(d < 0, -5000)",
                           "torch.zeros([t, t]).masked_fill((d < 0) | (d > 1000000), -5000.0)"}) {
    SCOPED_TRACE(mask);
    Unbounded model("    s = torch.matmul(q, k.transpose(-2, -1)) + " + std::string(mask) +
                        "\n"
                        "    y = torch.matmul(torch.softmax(s, -1), v)\n",
                    6000);
    expect_equal(*model.stream, model.offline(), torch::randn({kInputs, 40}), {40});
  }
}

// A bounded window stays bounded, and a model that needs later frames is still refused.
TEST(UnboundedAttention, TheOptionChangesNothingElse) {
  const std::string window =
      "    s = torch.matmul(q, k.transpose(-2, -1)).masked_fill((d < 0) | (d > 9), -inf)\n"
      "    y = torch.matmul(torch.softmax(s, -1), v)\n";
  torch::NoGradGuard guard;
  Unbounded model(window);
  EXPECT_EQ(model.stream->timing().receptive_field_frames(), 10);
  EXPECT_TRUE(model.stream->forward(torch::randn({kInputs, kMaxFrames + 100})).has_value());
  EXPECT_THROW(Unbounded("    y = torch.matmul(torch.softmax(torch.matmul(q, k.transpose(-2, -1)), "
                         "-1), v)\n"),
               Error);
}

}  // namespace
}  // namespace torchstreamer::testing
