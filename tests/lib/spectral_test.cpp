// Windows and overlap-adds of time with other axes beside it: spectra, convolutions of images,
// unfold and diff. Every model is a few lines of TorchScript here.

#include <c10/util/StringUtil.h>
#include <torch/version.h>

#include "script_model.h"
#include "streams/pointwise.h"

namespace torchstreamer::testing {
namespace {

std::string forward(const std::string& body) { return "def forward(self, x):\n" + body; }

std::string text(bool value) { return value ? "True" : "False"; }

at::ScalarType any_type(Random& random) { return random.flip() ? at::kFloat : at::kDouble; }

TEST(Spectral, ModuleInMemory) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    Random random(base_seed());
    ScriptedStream model(scripted(forward("  return torch.conv1d(x, self.w) * 2"),
                                  {{"w", torch::randn({2, 3, 5})}}, dtype),
                         3);
    expect_streams(model, random);
  }
}

struct Fft {
  explicit Fft(Random& random)
      : size(random.between(1, 24)),
        window(random.between(1, size)),
        hop(random.between(1, window)),
        normalized(random.flip()) {}
  int64_t size, window, hop;
  bool normalized;

  std::string arguments(bool has_window) const {
    return c10::str(size, ", ", hop, ", ", window, ", ", has_window ? "self.w" : "None");
  }
  Tensor random_window() const { return torch::rand({window}) + 0.3; }
};

// (real, imaginary) of [.., F, N] complex as [C, T].
const char* const kParts =
    "  s = torch.view_as_real(s)\n"
    "  return torch.cat([s[..., 0], s[..., 1]], -2)\n";

// How the model sees the signal: [C, T], [1, T] and [T].
enum class Shape { kChannels, kBatch, kSignal };

TEST(Spectral, Stft) {
  for (int i = 0; i < 30; ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    Fft fft(random);
    if (random.flip()) fft.hop += fft.size;  // frames between the windows are left out
    const Shape shape = random.pick({Shape::kChannels, Shape::kBatch, Shape::kSignal});
    const bool complex = random.flip();
    // Of the two variants of aten::stft one pads.
    const std::string padding =
        i % 4 == 0 ? std::string()
                   : c10::str(text(random.flip()), ", '",
                              random.pick({"reflect", "constant", "replicate"}), "', ");
    const std::string source =
        forward(c10::str(shape == Shape::kChannels ? ""
                         : shape == Shape::kBatch  ? "  x = x[0]\n"
                                                   : "  x = x[0, 0]\n",
                         "  s = torch.stft(x, ", fft.arguments(random.flip()), ", ", padding,
                         text(fft.normalized), ", ", random.pick({"None", "True", "False"}), ", ",
                         text(complex), ")\n", complex ? "" : "  s = torch.view_as_complex(s)\n",
                         shape == Shape::kChannels ? "  s = s.flatten(0, 1)\n" : "", kParts));
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed << "\n" << source);
    const bool has_channels = shape == Shape::kChannels;
    ScriptedStream model(scripted(source, {{"w", fft.random_window()}}, any_type(random)),
                         has_channels ? random.between(1, 3) : 1, has_channels ? 2 : 3);
    expect_streams(model, random);
    if (HasFailure()) return;
  }
}

// The stream of the model; null where windows leave gaps that torch.istft refuses.
std::optional<ScriptedStream> without_gaps(torch::jit::Module module, int64_t channels) {
  try {
    return ScriptedStream(module, channels, 2);
  } catch (const Refusal& e) {
    // Or a length that the sum outruns, so that a stream would keep ever more of it.
    const std::string what = e.what();
    EXPECT_TRUE(what.find("window overlap add min") != std::string::npos ||
                what.find("ends ever further") != std::string::npos)
        << what;
    return {};
  }
}

// A spectrum of channels: [C, T] are the real and imaginary parts of one signal's or several.
TEST(Spectral, InverseStft) {
  int streamed = 0;
  for (int i = 0; i < 60; ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    Fft fft(random);
    const int64_t batch = random.between(0, 2);
    const bool complex = random.between(0, 3) == 0, onesided = !complex && random.flip();
    const int64_t frequencies = onesided ? fft.size / 2 + 1 : fft.size;
    const int64_t channels = 2 * frequencies * std::max<int64_t>(1, batch);
    // Later versions of PyTorch take complex numbers alone.
    const bool two_parts = TORCH_VERSION_MAJOR < 2 && random.between(0, 3) == 0;
    const bool is_constant = random.between(0, 3) == 0;
    // A length that some signals do not fill up: only without gaps can all be transformed.
    if (is_constant) fft.window = fft.size;
    const std::string length =
        is_constant
            ? c10::str(random.between(1, 300))
            : random.pick<std::string>({"None", "x.size(-1)", c10::str("x.size(-1) * ", fft.hop),
                                        c10::str("x.size(-1) * ", fft.hop, " + ", fft.size + 3)});
    const std::string source = forward(c10::str(
        "  s = x.reshape([", batch ? c10::str(batch, ", ") : "", "2, ", frequencies,
        ", x.size(-1)])\n", "  s = torch.complex(s.select(-3, 0), s.select(-3, 1))\n",
        two_parts ? "  s = torch.view_as_real(s)\n" : "", "  y = torch.istft(s, ",
        fft.arguments(random.flip()), ", ", text(random.flip()), ", ", text(fft.normalized), ", ",
        complex || frequencies == fft.size ? text(onesided)
                                           : random.pick<std::string>({"None", text(onesided)}),
        ", ", length, ", ", text(complex), ")\n",
        complex ? "  y = torch.view_as_real(y)\n  y = y[..., 0] - 2 * y[..., 1]\n" : "",
        batch ? "  return y\n" : "  return y.unsqueeze(0)\n"));
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed << "\n" << source);
    auto model =
        without_gaps(scripted(source, {{"w", fft.random_window()}}, any_type(random)), channels);
    if (!model) continue;
    ++streamed;
    expect_streams(*model, random);
    if (HasFailure()) return;
  }
  EXPECT_GE(streamed, 30);
}

// Nets over spectra. `pad`: what torch.stft of Python does before it calls the operator.
const char* const kPad =
    "  p = x.reshape([1, x.size(0), x.size(1)])\n"
    "  p = torch.pad(p, [8, 8], 'reflect')\n"
    "  p = p.reshape([p.size(1), p.size(2)])\n";
const char* const kSpectrum =
    "  s = torch.stft(x, 16, 4, 16, self.w, True, 'reflect', False, True, True)\n";
const char* const kSignal =
    "  return torch.istft(s, 16, 4, 16, self.w, True, False, True, x.size(-1))\n";

TEST(Spectral, NetsOverSpectra) {
  const std::string spectrum = kSpectrum, signal = kSignal;
  const std::string bodies[] = {
      spectrum + signal,
      spectrum +
          "  m = torch.sigmoid(torch.conv1d(s.abs(), self.c, None, [1], [1]))\n  s = s * m\n" +
          signal,
      spectrum + "  s = torch.polar(s.abs().sqrt(), s.angle())\n" + signal,
      spectrum +
          "  s = s * torch.exp(torch.complex(torch.zeros([9, 1], dtype=x.dtype), self.f))\n" +
          signal,
      spectrum +
          "  r = torch.view_as_real(s)\n  s = torch.complex(-r[..., 1], r[..., "
          "0].relu()).conj()\n" +
          signal,
      spectrum +
          "  r = torch.stack([s.real, s.imag], 1)\n"
          "  r = torch.conv2d(r, self.k, None, [1, 1], [1, 1]).relu()\n"
          "  s = s * torch.complex(r[:, 0], r[:, 1])\n" +
          signal,
      std::string(kPad) + "  s = torch.stft(p, 16, 4, 16, self.w, False, True, True)\n" + signal,
      spectrum + "  return torch.log(s.abs() ** 2 + 1e-3)\n",
      // fft of windows, and back without an overlap
      "  f = torch.fft_rfft(x.unfold(-1, 8, 8), 8, -1)\n"
      "  return torch.fft_irfft(f * self.h, 8, -1).transpose(1, 2)\n"};
  for (const std::string& body : bodies)
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      SCOPED_TRACE(body);
      Random random(base_seed());
      const auto module = scripted(forward(body),
                                   {{"w", torch::hann_window(16)},
                                    {"c", torch::randn({9, 9, 3}) / 5},
                                    {"f", torch::randn({9, 1})},
                                    {"k", torch::randn({2, 2, 3, 3}) / 3},
                                    {"h", torch::randn({5})}},
                                   dtype);
      ScriptedStream model(module, 1, 2);
      expect_streams(model, random);
      if (HasFailure()) return;
    }
}

// Frames of complex numbers, one at a time, in memory whose frames are any number of floats apart.
TEST(Spectral, ComplexFramesOneByOne) {
  for (const int64_t channels : {4, 5, 6})
    for (const Execution execution : {Execution::kNative, Execution::kReference}) {
      SCOPED_TRACE(channels);
      SCOPED_TRACE(execution == Execution::kNative ? "native" : "reference");
      const auto module = scripted(forward("  y = torch.conv1d(x, self.w)[:, :4]\n"
                                           "  y = y.reshape([1, 2, 2, y.size(-1)])\n"
                                           "  y = y.permute([0, 1, 3, 2]).contiguous()\n"
                                           "  return torch.view_as_complex(y).angle()\n"),
                                   {{"w", torch::randn({channels, 1, 3})}});
      ScriptedStream model(module);
      LoadOptions options;
      options.channels = 1;
      options.execution = execution;
      LayerStream stream(graph::ScriptModel(module, at::kCPU).plan(options));
      expect_equal(stream, model.offline(), model.signal(20), std::vector<int64_t>(20, 1));
    }
}

// A frame may not reach others through one part of a complex number, however weakly.
TEST(Spectral, ProofOfComplexArithmetic) {
  const Format format{at::kComplexFloat, at::kCPU, {3}};
  EXPECT_NO_THROW(prove_pointwise([](const Tensors& in) { return in[0].abs() * in[0]; }, {format}));
  for (const auto part : {&at::real, &at::imag})
    EXPECT_THROW(
        prove_pointwise([=](const Tensors& in) { return in[0] + 1e-12 * part(in[0]).sum(0); },
                        {format}),
        Error);
}

// "[2, 1]", or one number for both axes.
std::string pair(Random& random, int64_t low, int64_t high) {
  const int64_t a = random.between(low, high), b = random.between(low, high);
  return a == b ? c10::str(a) : c10::str("[", a, ", ", b, "]");
}

// How the signal [1, C, T] is an image: time may be either of its axes, and there may be no batch.
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

// The call that `operation` makes of x, or none where the frequencies do not allow it.
void expect_image_streams(const Image& image, const std::string& operation, const Tensor& weight,
                          const Tensor& bias, Random& random, int& streamed) {
  const std::string source = forward(image.before() + operation + image.after());
  SCOPED_TRACE(source);
  auto module = scripted(source, {{"w", weight}, {"b", bias}}, any_type(random));
  const auto dtype = (*module.buffers().begin()).scalar_type();
  const int64_t channels = image.channels * image.height;
  try {
    module.forward({torch::randn({1, channels, 100}, dtype)});
  } catch (const std::exception&) {  // PyTorch does not take this geometry
    EXPECT_THROW(ScriptedStream(module, channels), Error);
    return;
  }
  ++streamed;
  ScriptedStream model(module, channels);
  expect_streams(model, random);
}

TEST(Spectral, Convolutions) {
  int streamed = 0;
  for (int i = 0; i < 50 && !HasFailure(); ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed);
    const Image image(random);
    const int64_t groups = random.pick({1, 2});
    const Tensor weight = torch::randn(
        {2 * groups, image.channels / groups, random.between(1, 4), random.between(1, 4)});
    const bool same = random.between(0, 3) == 0;
    const std::string padding = same ? "'same'" : pair(random, 0, 2);
    const std::string operation =
        c10::str("  x = torch.conv2d(x, self.w, ", random.flip() ? "self.b" : "None", ", ",
                 same ? "1" : pair(random, 1, 3), ", ", padding, ", ", pair(random, 1, 2), ", ",
                 groups, ")\n");
    expect_image_streams(image, operation, weight, torch::randn({2 * groups}), random, streamed);
  }
  EXPECT_GE(streamed, 40);
}

TEST(Spectral, TransposedConvolutions) {
  int streamed = 0;
  for (int i = 0; i < 50 && !HasFailure(); ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed);
    const Image image(random);
    const int64_t groups = random.pick({1, 2});
    const Tensor weight =
        torch::randn({image.channels, 2, random.between(1, 4), random.between(1, 4)});
    const std::string operation =
        c10::str("  x = torch.conv_transpose2d(x, self.w, ", random.flip() ? "self.b" : "None",
                 ", ", pair(random, 1, 3), ", ", pair(random, 0, 2), ", ", pair(random, 0, 1), ", ",
                 groups, ", ", pair(random, 1, 2), ")\n");
    expect_image_streams(image, operation, weight, torch::randn({2 * groups}), random, streamed);
  }
  EXPECT_GE(streamed, 40);
}

TEST(Spectral, Pools) {
  int streamed = 0;
  for (int i = 0; i < 50 && !HasFailure(); ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed);
    const Image image(random);
    const std::string front =
        c10::str(pair(random, 1, 4), ", ", pair(random, 1, 3), ", ", pair(random, 0, 1), ", ");
    const std::string operation =
        random.flip() ? c10::str("  x = torch.max_pool2d(x, ", front, pair(random, 1, 2), ", ",
                                 text(random.flip()), ")\n")
                      : c10::str("  x = torch.avg_pool2d(x, ", front, text(random.flip()), ", ",
                                 text(random.flip()), ")\n");
    // A dilated window may lie in the padding alone: the largest of nothing is no number.
    expect_image_streams(image, operation + "  x = x.clamp_min(-9)\n", torch::zeros({1}),
                         torch::zeros({1}), random, streamed);
  }
  EXPECT_GE(streamed, 25);
}

// Operators that stand for others in traced and in older files, and what has no batch or time as
// its batch.
TEST(Spectral, OtherWaysToConvolve) {
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
      // [1, C, T] -> [T, 2, 6] and [T, 2, 3, 2]: each frame is convolved for itself
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

TEST(Spectral, WindowsAndDifferences) {
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

// Without padding: the middle of the model's output, as for convolutions of one axis.
TEST(Spectral, ValidPadding) {
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

TEST(Spectral, RefusalsSayWhy) {
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
    try {
      ScriptedStream(scripted(forward(body), {{"w", torch::tensor({1.0f, 0.0f, 0.0f, 0.0f})}}), 4);
      ADD_FAILURE() << "it was not refused";
    } catch (const Error& e) {
      EXPECT_PRED_FORMAT2(::testing::IsSubstring, part, std::string(e.what()));
    }
  }
}

}  // namespace
}  // namespace torchstreamer::testing
