// Windows and overlap-adds of time with other axes beside it: spectra, convolutions of images,
// unfold and diff. Every model is a few lines of TorchScript here.

#include <c10/util/StringUtil.h>

#include "script_model.h"

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

TEST(Spectral, Stft) {
  for (int i = 0; i < 40; ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    const Fft fft(random);
    const bool centered = random.flip(), batched = random.flip(), complex = random.flip();
    const std::string centering =
        i % 4 == 0 ? std::string()
                   : c10::str(text(centered), ", '",
                              random.pick({"reflect", "constant", "replicate"}), "', ");
    const std::string onesided = random.pick({"None", "True", "False"});
    const std::string source = forward(c10::str(
        batched ? "" : "  x = x.squeeze(1)\n", "  s = torch.stft(x, ",
        fft.arguments(random.flip()), ", ", centering, text(fft.normalized), ", ", onesided, ", ",
        text(complex), ")\n", complex ? "" : "  s = torch.view_as_complex(s)\n",
        batched ? "  s = s.flatten(0, 1)\n" : "", kParts));
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed << "\n" << source);
    ScriptedStream model(scripted(source, {{"w", fft.random_window()}}, any_type(random)),
                         batched ? random.between(1, 3) : 1, batched ? 2 : 3);
    expect_streams(model, random);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace torchstreamer::testing
