// Windows over time in tensors with more axes: convolutions and pools of images, unfold and diff.
#include <c10/util/StringUtil.h>
#include <torch/version.h>

#include "expect_says.h"
#include "lib/graph/rules/spectral_source.h"
#include "lib/support/error_of.h"

namespace torchstreamer::testing {
namespace {

// "[2, 1]", or one number for both axes.
std::string pair(Random& random, int64_t low, int64_t high) {
  const int64_t a = random.between(low, high), b = random.between(low, high);
  return a == b ? c10::str(a) : c10::str("[", a, ", ", b, "]");
}

// Reshapes the signal [1, C, T] to an image, in which time is one of the two axes, and back.
struct Image {
  explicit Image(Random& random)
      : channels(2 * random.between(1, 2)),
        height(random.between(4, 9)),
        time_first(random.flip()) {}

  std::string before() const {
    return c10::str("  x = x.reshape([1, ", channels, ", ", height, ", x.size(-1)])\n",
                    time_first ? "  x = x.transpose(2, 3)\n" : "");
  }
  std::string after() const {
    return c10::str(time_first ? "  x = x.transpose(2, 3)\n" : "", "  return x.flatten(1, 2)\n");
  }

  int64_t channels, height;
  bool time_first;
};

struct ImageOperation {
  std::string source;
  Tensor weight = torch::zeros({1}), bias = torch::zeros({1});
};

// Expects that a model with `operation` streams, or is refused if PyTorch does not accept the
// sizes. Returns true if it streams.
bool expect_image_streams(const Image& image, const ImageOperation& operation, Random& random) {
  const std::string source = forward(image.before() + operation.source + image.after());
  SCOPED_TRACE(source);
  auto module =
      scripted(source, {{"w", operation.weight}, {"b", operation.bias}}, any_type(random));
  const auto dtype = (*module.buffers().begin()).scalar_type();
  const int64_t channels = image.channels * image.height;
  try {
    module.forward({torch::randn({1, channels, 100}, dtype)});
  } catch (const std::exception&) {  // PyTorch does not accept these sizes
    EXPECT_THROW(ScriptedStream(module, channels), Error);
    return false;
  }
  ScriptedStream model(module, channels);
  expect_streams(model, random);
  return true;
}

// Returns how many of 50 random operations on random images stream.
int stream_random_images(
    const std::function<ImageOperation(const Image& image, Random& random)>& random_operation) {
  int streamed = 0;
  for (int i = 0; i < 50 && !::testing::Test::HasFailure(); ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed);
    const Image image(random);
    const ImageOperation operation = random_operation(image, random);
    streamed += expect_image_streams(image, operation, random) ? 1 : 0;
  }
  return streamed;
}

TEST(Images, Convolutions) {
  const int streamed = stream_random_images([](const Image& image, Random& random) {
    const int64_t groups = random.pick({1, 2});
    const Tensor weight = torch::randn(
        {2 * groups, image.channels / groups, random.between(1, 4), random.between(1, 4)});
    const bool same = random.between(0, 3) == 0;
    const std::string padding = same ? "'same'" : pair(random, 0, 2);
    const std::string source =
        c10::str("  x = torch.conv2d(x, self.w, ", random.flip() ? "self.b" : "None", ", ",
                 same ? "1" : pair(random, 1, 3), ", ", padding, ", ", pair(random, 1, 2), ", ",
                 groups, ")\n");
    return ImageOperation{source, weight, torch::randn({2 * groups})};
  });
  EXPECT_GE(streamed, 40);
}

TEST(Images, TransposedConvolutions) {
  const int streamed = stream_random_images([](const Image& image, Random& random) {
    const int64_t groups = random.pick({1, 2});
    const Tensor weight =
        torch::randn({image.channels, 2, random.between(1, 4), random.between(1, 4)});
    const std::string source =
        c10::str("  x = torch.conv_transpose2d(x, self.w, ", random.flip() ? "self.b" : "None",
                 ", ", pair(random, 1, 3), ", ", pair(random, 0, 2), ", ", pair(random, 0, 1), ", ",
                 groups, ", ", pair(random, 1, 2), ")\n");
    return ImageOperation{source, weight, torch::randn({2 * groups})};
  });
  EXPECT_GE(streamed, 40);
}

TEST(Images, Pools) {
  const int streamed = stream_random_images([](const Image&, Random& random) {
    const std::string front =
        c10::str(pair(random, 1, 4), ", ", pair(random, 1, 3), ", ", pair(random, 0, 1), ", ");
    const std::string source =
        random.flip() ? c10::str("  x = torch.max_pool2d(x, ", front, pair(random, 1, 2), ", ",
                                 text(random.flip()), ")\n")
                      : c10::str("  x = torch.avg_pool2d(x, ", front, text(random.flip()), ", ",
                                 text(random.flip()), ")\n");
    // The clamp replaces the -inf of dilated windows that contain only padding.
    return ImageOperation{source + "  x = x.clamp_min(-9)\n"};
  });
  EXPECT_GE(streamed, 25);
}

// Operators of traces and of older files, inputs without a batch, and time as the batch.
TEST(Images, OtherNotationsOfConvolutions) {
  const std::string image = "  x = x.reshape([1, 2, 6, x.size(-1)])\n";
  const std::string bodies[] = {
      image +
          "  x = torch._convolution(x, self.w, self.b, [2, 3], [1, 2], [1, 2], False, [0, 0], 1,"
          " False, False, True, True)\n",
      image +
          "  x = torch._convolution(x, self.w, None, [2, 3], [1, 2], [1, 2], True, [1, 2], 1,"
          " False, False, True, True)\n",
      image + "  x = torch._convolution_mode(x, self.w, self.b, [1, 1], 'same', [2, 1], 1)\n",
      image + "  x = torch._convolution_mode(x, self.w, self.b, [2, 1], 'valid', [2, 1], 1)\n",
      image + "  x = torch.conv2d(x[0], self.w, self.b, [1, 2], [0, 1]).unsqueeze(0)\n",
      image + "  x = torch.conv_transpose2d(x[0], self.w, self.b, [1, 2], [0, 1]).unsqueeze(0)\n",
      // [1, C, T] -> [T, 2, 6] and [T, 2, 3, 2]: convolves each frame independently
      "  x = x.permute([2, 0, 1]).reshape([x.size(-1), 2, 6])\n"
      "  x = torch.conv1d(x, self.w[:, :, 0], self.b).flatten(1, 2).transpose(0, 1).unsqueeze(0)\n"
      "  x = x.unsqueeze(1)\n",
      "  x = x.permute([2, 0, 1]).reshape([x.size(-1), 2, 2, 3])\n"
      "  x = torch.conv_transpose2d(x, self.w, self.b)\n"
      "  x = torch.max_pool2d(x, 2).flatten(1, 3).transpose(0, 1).unsqueeze(0).unsqueeze(1)\n"};
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body);
    Random random(base_seed());
    ScriptedStream model(
        scripted(forward(body + "  return x.flatten(1, 2)\n"),
                 {{"w", torch::randn({2, 2, 3, 4})}, {"b", torch::randn({2})}}, any_type(random)),
        12);
    expect_streams(model, random);
    if (HasFailure()) return;
  }
}

TEST(Images, WindowsAndDifferences) {
  for (int i = 0; i < 30 && !HasFailure(); ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    const int64_t size = random.between(1, 9), step = random.between(1, 12);
    const std::string windows = c10::str(", ", size, ", ", step, ")");
    const std::string body = random.pick<std::string>(
        {"  return x.unfold(-1" + windows + ".transpose(2, 3).flatten(1, 2)\n",
         "  return x.transpose(1, 2).unfold(1" + windows + ".flatten(2, 3).transpose(1, 2)\n",
         "  return x.unfold(-1" + windows + ".mean(-1)\n",
         "  return x.unfold(1, 2, 1).transpose(2, 3).flatten(1, 2)\n",
         c10::str("  return torch.diff(x, ", random.between(0, 4), ")\n"),
         "  return torch.diff(x.transpose(1, 2), 1, 1).transpose(1, 2)\n",
         "  return torch.diff(x > 0).to(x.dtype)\n", "  return torch.diff(x, 1, 1)\n"});
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed << "\n" << body);
    ScriptedStream model(scripted(forward(body), {}, any_type(random)), 3);
    expect_streams(model, random);
  }
}

// torch.nn.functional.unfold() over time, with windows that cover the whole other axis.
TEST(Images, WindowsOfImages) {
  for (int i = 0; i < 30 && !HasFailure(); ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    const Image image(random);
    const int64_t padding = random.between(0, 2);  // of the other axis
    const int64_t kernel = random.between(1, 7);   // of the time axis
    auto pair = [&](int64_t of_time, int64_t of_other) {
      return image.time_first ? c10::str("[", of_time, ", ", of_other, "]")
                              : c10::str("[", of_other, ", ", of_time, "]");
    };
    const std::string windows =
        c10::str("torch.im2col(x, ", pair(kernel, image.height + 2 * padding), ", ",
                 pair(random.between(1, 3), 1), ", ", pair(random.between(0, kernel - 1), padding),
                 ", ", pair(random.between(1, 5), random.between(1, 3)), ")");
    const std::string source = forward(image.before() + (random.flip() ? "  x = x[0]\n" : "") +
                                       "  return " + windows + "\n");
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed << "\n" << source);
    ScriptedStream model(scripted(source, {}, any_type(random)), image.channels * image.height);
    expect_streams(model, random);
  }
}

TEST(Images, WindowsOfImagesMustCoverTheOtherAxis) {
  const auto module =
      scripted(forward("  x = x.reshape([1, 2, 6, x.size(-1)])\n"
                       "  return torch.im2col(x, [3, 4], [1, 1], [0, 0], [1, 1])\n"),
               {});
  try {
    ScriptedStream model(module, 12);
    FAIL() << "not refused";
  } catch (const Refusal& e) {
    EXPECT_EQ(e.subject(), "aten::im2col");
    EXPECT_SAYS("as long as the axis other than time", e.what());
  }
}

// Without padding the output is the part of the model's output that does not depend on padding.
TEST(Images, ValidPadding) {
  const std::string image = "  x = x.reshape([1, 2, 6, x.size(-1)])\n";
  struct Case {
    std::string body;
    int64_t start, lost_frames;
  };
  for (const auto& [body, start, lost_frames] :
       {Case{"  x = x + torch.conv2d(x, self.w, None, [1, 1], [1, 2])\n", 2, 4},
        Case{"  x = x + torch.conv_transpose2d(x, self.w, None, [1, 1], [1, 2])\n", 0, 0},
        Case{"  x = x + torch.max_pool2d(x, [3, 5], [1, 1], [1, 2])\n", 2, 4}}) {
    SCOPED_TRACE(body);
    Random random(base_seed());
    const auto module = scripted(forward(image + body + "  return x.flatten(1, 2)\n"),
                                 {{"w", torch::randn({2, 2, 3, 5})}});
    ScriptedStream model(module, 12, 3, Padding::kValid);
    const Tensor x = model.signal(80);
    const Tensor y = run(*model.stream, x, random_chunks(random, 80));
    const Tensor expected = model.offline()(x).narrow(1, start, 80 - lost_frames);
    ASSERT_EQ(y.sizes(), expected.sizes());
    EXPECT_LE((y - expected).abs().max().item<double>(), 1e-5);
  }
}

TEST(Images, RefusalsGiveTheReason) {
  const std::string spectrum =
      "  s = torch.stft(x[0], 8, 4, None, None, True, 'reflect', False, True, True)\n";
  const std::pair<std::string, const char*> table[] = {
      {"  return torch.stft(x[0], 8, 4, None, None, True, 'circular', False, True, True).abs()\n",
       "pad_mode='circular'"},
      {spectrum + "  return torch.istft(s * s.real.mean(), 8, 4)\n", "time axis"},
      {spectrum + "  return torch.istft(s.narrow(-2, 0, 4), 8, 4)\n",
       "5 frequencies and is given 4"},
      {spectrum + "  return torch.istft(s, 8, 6, 4)\n", "hop_length 6 <= win_length 4"},
      {spectrum + "  return torch.istft(s, 8, 4, 4, self.w)\n", "window overlap"},
      {"  return torch.conv2d(x, self.w.reshape([1, 4, 1, 1]))\n", "channels"},
      {"  x = x.reshape([1, 2, 2, x.size(-1)]).transpose(1, 3)\n"
       "  return torch.conv2d(x, self.w.reshape([1, 2, 2, 1]))\n",
       "along the time axis"}};
  for (const auto& [body, part] : table) {
    SCOPED_TRACE(body);
    EXPECT_SAYS(part, error_of([&] {
                  ScriptedStream(
                      scripted(forward(body), {{"w", torch::tensor({1.0f, 0.0f, 0.0f, 0.0f})}}), 4);
                }));
  }
}

}  // namespace
}  // namespace torchstreamer::testing
