// stft, istft and nets over spectra. Every model is a few lines of TorchScript.
#include <c10/util/StringUtil.h>
#include <torch/version.h>

#include "lib/graph/rules/spectral_source.h"
#include "streams/pointwise.h"

namespace torchstreamer::testing {
namespace {

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

// Real and imaginary parts of a complex [.., F, N] as channels of [C, T].
const char* const kParts =
    "  s = torch.view_as_real(s)\n"
    "  return torch.cat([s[..., 0], s[..., 1]], -2)\n";

// Shape of the signal in the model: [C, T], [1, T] or [T].
enum class Shape { kChannels, kBatch, kSignal };

TEST(Spectral, Stft) {
  for (int i = 0; i < 30; ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    Fft fft(random);
    if (random.flip()) fft.hop += fft.size;  // skips frames between the windows
    const Shape shape = random.pick({Shape::kChannels, Shape::kBatch, Shape::kSignal});
    const bool complex = random.flip();
    // aten::stft has two overloads, with and without padding.
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

// The stream of the model; none if the windows leave gaps, which torch.istft refuses, or if the sum
// is longer than the requested length by an amount that grows with the signal.
std::optional<ScriptedStream> without_gaps(torch::jit::Module module, int64_t channels) {
  try {
    return ScriptedStream(module, channels, 2);
  } catch (const Refusal& e) {
    const std::string what = e.what();
    EXPECT_TRUE(what.find("window overlap add min") != std::string::npos ||
                what.find("grows with the signal") != std::string::npos)
        << what;
    return {};
  }
}

// The channels of [C, T] are the real and imaginary parts of one or several spectra.
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
    // PyTorch 2 accepts only complex numbers.
    const bool two_parts = TORCH_VERSION_MAJOR < 2 && random.between(0, 3) == 0;
    const bool is_constant = random.between(0, 3) == 0;
    // A constant length is longer than some signals; without gaps between windows it works for all.
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

// Parts of nets over spectra. kPad: the padding that torch.stft() in Python adds before the
// operator.
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
      // fft of windows, inverse without overlap
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

// A logarithm enlarges the errors of small values.
TEST(Spectral, LogarithmsOfSpectraOfAllSizes) {
  for (const int64_t size :
       {2, 4, 7, 8, 13, 16, 24, 31, 47, 64, 67, 97, 128, 131, 251, 509, 1009, 1031, 2018}) {
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << base_seed() << ", " << size);
    Random random(base_seed());
    const std::string arguments = c10::str(size, ", ", (size + 3) / 4, ", ", size);
    ScriptedStream model(scripted(forward("  s = torch.stft(x[:, 0], " + arguments +
                                          ", self.w, False, 'reflect', False, True, True)\n"
                                          "  return torch.log(s.abs() ** 2 + 1e-3)\n"),
                                  {{"w", torch::hann_window(size)}}));
    expect_streams(model, random);
  }
}

// Single frames of complex numbers, in memory with a distance of frames that may be odd in floats.
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

// The logarithm enlarges the errors of small values. Sizes with a fast transform and, if they are
// small or odd, without.
class LogarithmicSpectra : public ::testing::TestWithParam<int64_t> {
 protected:
  // Compares a model whose STFT has the size of the parameter.
  static void expect_exact(const std::string& spectrum, const std::string& after) {
    const int64_t size = GetParam();
    Random random(base_seed());
    const std::string source =
        forward(c10::str("  s = torch.stft(x, ", size, ", ", size / 4, ", ", size,
                         ", self.window, True, 'reflect', False, True, True)\n", spectrum, after));
    SCOPED_TRACE(source);
    ScriptedStream model(scripted(source, {{"window", torch::hann_window(size)},
                                           {"mel", torch::rand({20, size / 2 + 1}).pow(8)}}),
                         2, 2);
    const Tensor x = model.signal(6 * size) * 0.1;
    expect_equal(*model.stream, model.offline(), x,
                 {1, size / 3, 2 * size, 4 * size - size / 3 - 1});
  }
};

TEST_P(LogarithmicSpectra, OfMagnitudes) {
  expect_exact("  y = s.abs()\n", "  return torch.log(torch.clamp(y, 1e-5)).flatten(0, 1)");
}

TEST_P(LogarithmicSpectra, OfBandsOfPower) {
  expect_exact("  y = torch.matmul(self.mel, s.abs().pow(2))\n",
               "  return torch.log10(torch.clamp(y, 1e-10)).flatten(0, 1)");
}

INSTANTIATE_TEST_SUITE_P(Spectral, LogarithmicSpectra,
                         ::testing::Values(16, 64, 128, 320, 441, 512, 960, 1024, 4096));

// The overlapping windows of spectra with a strong tone: quiet frequencies must not be lost.
TEST(Spectral, InverseOfFastTransforms) {
  for (const int64_t size : {128, 256, 450, 512, 960}) {
    SCOPED_TRACE(size);
    Random random(base_seed());
    const std::string n = c10::str(size, ", ", size / 4, ", ", size, ", self.window, True, ");
    const std::string source = forward("  s = torch.stft(x, " + n +
                                       "'reflect', False, True, True)\n  s = s * s.abs()\n"
                                       "  return torch.istft(s, " +
                                       n + "False, True, x.size(-1))\n");
    ScriptedStream model(scripted(source, {{"window", torch::hann_window(size)}}), 2, 2);
    expect_streams(model, random);
    if (HasFailure()) return;
  }
}

// A dependency on other frames is found even if it is weak and affects one complex part only.
TEST(Spectral, ProofOfComplexArithmetic) {
  const Format format{at::kComplexFloat, at::kCPU, {3}};
  EXPECT_NO_THROW(prove_pointwise([](const Tensors& in) { return in[0].abs() * in[0]; }, {format}));
  for (const auto part : {&at::real, &at::imag})
    EXPECT_THROW(
        prove_pointwise([=](const Tensors& in) { return in[0] + 1e-12 * part(in[0]).sum(0); },
                        {format}),
        Error);
}

}  // namespace
}  // namespace torchstreamer::testing
