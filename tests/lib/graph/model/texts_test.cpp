// Texts about files and models that do not stream: the problem, the place, the remedy.
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/file_cases.h"
#include "lib/support/model_files.h"
#include "lib/support/script_model.h"
#include "support/exceptions.h"
#include "temporary_folder.h"

namespace torchstreamer::testing {
namespace {

namespace fs = std::filesystem;

std::string load_error(const fs::path& path, const LoadOptions& options = {}) {
  return error_of([&] { load_stream(path, options); });
}

std::string quoted(const fs::path& path) { return "'" + path.string() + "' "; }

TEST(Texts, OfFilesThatPyTorchWrites) {
  for (const auto& [name, fault] : test::other_files()) {
    const fs::path path = models() / "others" / name;
    EXPECT_EQ(load_error(path), quoted(path) + fault);
  }
}

TEST(Texts, OfOtherFiles) {
  const test::TemporaryFolder folder;
  const fs::path path = folder / "model.pt";
  for (const auto& [content, fault] : test::written_files(models() / "same3.script.pt")) {
    std::ofstream(path, std::ios::binary) << content;
    EXPECT_EQ(load_error(path), quoted(path) + fault);
  }
  EXPECT_EQ(load_error(folder.path()),
            quoted(folder.path()) + "is a folder; give the path of the model file in it");
  EXPECT_EQ(load_error(folder / "missing.pt"),
            quoted(folder / "missing.pt") + "cannot be opened: No such file or directory");
}

TEST(Texts, OfOperatorsThatThisLibtorchLacks) {
  const std::string remedy = "; use a newer libtorch, or save the model with an older PyTorch";
  const fs::path lacking = models() / "others" / "unknown_operator.pt";
  EXPECT_EQ(load_error(lacking), quoted(lacking) +
                                     "uses the operator aten::not_there, which libtorch " +
                                     TORCH_VERSION + " does not have" + remedy);
  const fs::path other = models() / "others" / "unknown_argument.pt";
  EXPECT_EQ(load_error(other), quoted(other) +
                                   "calls the operator aten::mul with arguments that libtorch " +
                                   TORCH_VERSION + " does not accept" + remedy);
}

TEST(Texts, OfAMobileFileWithItsProgram) {
  EXPECT_EQ(load_error(models() / "others" / "with_code.ptl"), "");
}

TEST(Texts, OfAModelWithoutForward) {
  const std::string error = load_error(models() / "others" / "no_forward.pt");
  for (const char* part :
       {"forward() cannot be streamed: the model has no method of this name; it has "
        "the methods ",
        "encode(Tensor x, int rate=3) -> Tensor", "decode(Tensor x) -> Tensor",
        "; choose one that computes the whole signal, or save a module whose forward(x) does"})
    EXPECT_SAYS(part, error);
}

struct ModelText {
  std::string source;
  std::string error;
};

const std::string kTried =
    "; its input was tried as [B, C, T], [C, T], [T], [B, T, C], [T, B, C], [T, C]";
const std::string kWhole =
    "its output has no time axis: it needs the whole signal at once; average over a window "
    "instead: avg_pool1d, or a cumulative mean";

const std::string kEachFrame =
    "; as [B, T, C] it computes every frame independently: choose this layout if that is meant";

const std::string kTooFew =
    "; a stream needs 5 lengths of 8192 to 102400 frames that the model takes; save it without "
    "this limit";

// Models by their TorchScript source, with the weights of the test below.
const ModelText kModelTexts[] = {
    // Arguments.
    {"def forward(self, x, gain, depth: int = 3):\n  return x * gain",
     "forward() cannot be streamed: it needs a value of its argument 'gain' of type Tensor; set it "
     "with inputs to a number, an array of numbers or a string such as 'zeros(2, 1, 64)': its "
     "signature is forward(Tensor x, Tensor gain, int depth=3) -> Tensor"},
    {"def forward(self):\n  return self.mix",
     "forward() cannot be streamed: it takes no signal, which is its first argument of type "
     "Tensor: its signature is forward() -> Tensor"},
    // The whole signal is needed.
    {"def forward(self, x):\n  return x - torch.mean(x, [2], True)",
     "aten::mean at <string>:2 cannot be streamed: " + kWhole + kEachFrame},
    {"def forward(self, x):\n  if float(x.max()) > 0.5:\n    return x\n  return x * 2",
     "aten::max at <string>:2 cannot be streamed: this operator has no streaming rule, and its "
     "output has no time axis: it needs the whole signal at once; take the maximum of a window "
     "instead: max_pool1d, or cummax"},
    // The refusal is that of the layout that the model takes, [B, T, C], [T, C].
    {"def forward(self, x):\n  y = torch.matmul(x, self.mix)\n"
     "  return y - torch.mean(y, [1], True)",
     "aten::mean at <string>:3 cannot be streamed: " + kWhole},
    {"def forward(self, x):\n  y = torch.matmul(x, self.mix)\n"
     "  assert x.dim() == 2, 'two axes'\n  return y - torch.mean(y, [0], True)",
     "aten::mean at <string>:4 cannot be streamed: " + kWhole},
    {"def forward(self, x):\n  y = x.reshape([x.size(0), x.size(1), 2, 1])\n"
     "  return y - torch.mean(y, [1], True)",
     "aten::mean at <string>:3 cannot be streamed: " + kWhole},
    // No shape fits.
    {"def forward(self, x):\n  return torch.conv1d(x, self.mix)",
     "aten::conv1d at <string>:2 cannot be streamed: it takes signals of rank 1 or 2, not 3" +
         kTried},
    {"def forward(self, x):\n  return x * x.size(5)",
     "aten::size at <string>:2 cannot be streamed: it reads the size of axis 5 of a tensor with 3 "
     "axes" +
         kTried},
    // Lengths.
    {"def forward(self, x):\n  n = x.size(2)\n  return torch.constant_pad_nd(x, [0, n * n])",
     "aten::constant_pad_nd at <string>:3 cannot be streamed: the right padding is not a linear "
     "function of the length of the signal, apart from a rounding that repeats at least every 700 "
     "frames" +
         kEachFrame},
    {"def forward(self, x):\n  n = x.size(2)\n"
     "  assert n == 512, 'blocks of 512 frames, not ' + str(n)\n  return x",
     "prim::RaiseException at <string>:3 cannot be streamed: the model raises \"AssertionError: "
     "blocks of 512 frames, not 8192\"" +
         kTooFew},
    {"def forward(self, x):\n"
     "  return torch.conv1d(x, self.taps, None, [1], [0], [2000000])",
     "its first frame of output needs 8000001 frames of the signal; at most 4194304 are "
     "supported"},
    {"def forward(self, x):\n  return x[:, :, :1] * torch.arange(x.size(2))",
     "aten::mul at <string>:2 cannot be streamed: one of its operands has a fixed number of "
     "frames" +
         kEachFrame},
    // Outputs.
    {"def forward(self, x):\n  return torch.complex(x, x)",
     "aten::complex at <string>:2 cannot be streamed: the output is complex and audio is real; "
     "return torch.view_as_real() of it or its magnitude, or choose complex-output=channels for "
     "its two parts as channels"},
    {"def forward(self, x):\n  return x[:, :, :0]",
     "aten::slice at <string>:2 cannot be streamed: its output has no frames"},
    // Writes in place.
    {"def forward(self, x):\n  y = torch.zeros([1, 1, 2 * x.size(2)])\n  y[:, :, ::2] = x\n"
     "  return y",
     "aten::copy_ at <string>:3 cannot be streamed: it writes a signal into a tensor with a "
     "different number of frames (an operand depends on the length of the whole signal); combine "
     "signals with torch.stack() and flatten(), or torch.cat()"},
    // PyTorch gives an argument `out` the shape of the result.
    {"def forward(self, x):\n  y = torch.zeros([1, x.size(1) + 1, x.size(2)])\n  z = y.size(1)\n"
     "  torch.mul(x[:, :1], 0.5, out=y)\n  return y * z",
     "forward() cannot be streamed: for a signal of 68 frames the outputs of its plan and of the "
     "model differ"},
    // Lengths are not a question of the layout.
    {"def forward(self, x):\n  assert x.size(-1) <= 4000, 'at most 4000 frames'\n  return x * 2",
     "prim::RaiseException at <string>:2 cannot be streamed: the model raises \"AssertionError: "
     "at most 4000 frames\"" +
         kTooFew},
    // Unless a check of the number of channels is meant.
    {"def forward(self, x):\n  assert x.size(-1) == 40\n  return torch.matmul(x, self.mix)",
     "prim::RaiseException at <string>:2 cannot be streamed: the model raises \"AssertionError: "
     "\"" +
         kTooFew + kEachFrame},
    // Integers that no audio has.
    {"def forward(self, x):\n  return torch.conv1d(x, self.taps, None, [0])",
     "aten::conv1d at <string>:2 cannot be streamed: its argument 'stride' is 0; 1 to 2147483648 "
     "are supported"},
    {"def forward(self, x):\n  return torch.conv1d(x, self.taps, None, [1], [4611686018427387904])",
     "aten::conv1d at <string>:2 cannot be streamed: its argument 'padding' is "
     "4611686018427387904; -2147483648 to 2147483648 are supported"},
    {"def forward(self, x):\n  return x[:, :, ::0]",
     "aten::slice at <string>:2 cannot be streamed: its argument 'step' is 0; 1 to 2147483648 are "
     "supported"},
    {"def forward(self, x):\n  return x[:, :, : x.size(2) % 0]",
     "aten::remainder at <string>:2 cannot be streamed: it divides 8192 by 0"},
    {"def forward(self, x):\n  return x[:, :, : divmod(x.size(2), 0)[1]]",
     "aten::divmod at <string>:2 cannot be streamed: it divides 8192 by 0"},
};

TEST(Texts, OfModels) {
  torch::manual_seed(base_seed());
  const std::map<std::string, Tensor> weights = {{"taps", torch::randn({3, 2, 5})},
                                                 {"mix", torch::randn({40, 8})}};
  for (const auto& [source, error] : kModelTexts) {
    LoadOptions options;
    EXPECT_EQ(
        error_of([&] { graph::ScriptModel(scripted(source, weights), at::kCPU).plan(options); }),
        error)
        << source;
  }
}

// Message of the exception that `code` throws.
template <class Code>
std::string message_from(Code&& code) {
  try {
    code();
  } catch (const std::exception& e) {
    return message_of(e);
  }
  return "no exception";
}

// Returns the error of a model whose class is defined in a package, and defined twice.
std::string error_of_class(const std::string& source) {
  torch::jit::Module module(c10::QualifiedName("__torch__.package.nets.___torch_mangle_3.Denoiser"),
                            std::make_shared<torch::jit::CompilationUnit>());
  module.register_buffer("weight", torch::zeros({1}));
  module.define(source);
  return error_of([&] {
    LoadOptions options;
    graph::ScriptModel(module, at::kCPU).plan(options);
  });
}

TEST(Texts, NameClassesAsTheModelDoes) {
  const std::string error = error_of_class("def run(self, x):\n  return self\n");
  EXPECT_SAYS("it has the methods run(Tensor x) -> Denoiser", error);
  const std::string quoted = message_from([] {
    throw std::runtime_error("expected __torch__.a.___torch_mangle_12.Net, not __torch__.Other.");
  });
  EXPECT_EQ(quoted, "expected Net, not Other.");
  EXPECT_EQ(message_from([] { throw std::runtime_error("code/__torch__.py"); }),
            "code/__torch__.py");
}

TEST(Texts, QuoteLittleOfLibtorch) {
  const std::string no_backend =
      message_from([] { at::empty({1}, at::TensorOptions(at::Device("cuda"))); });
  EXPECT_EQ(no_backend.find("only available for"), std::string::npos) << no_backend;
  EXPECT_SAYS("CUDA", no_backend);

  torch::jit::Module module =
      scripted("def forward(self, x):\n  return torch.matmul(x, self.weight)",
               {{"weight", torch::zeros({7, 7})}});
  const std::string in_script = message_from([&] { module.forward({torch::zeros({2, 5})}); });
  EXPECT_EQ(in_script, message_from([] { at::matmul(at::zeros({2, 5}), at::zeros({7, 7})); }));
  EXPECT_EQ(in_script.find("Traceback"), std::string::npos) << in_script;

  auto raises = torch::jit::load(models() / "others" / "raises.pt");
  EXPECT_EQ(message_from([&] {
              raises.forward({torch::zeros({2, 5})});
            }),
            "builtins.ValueError: it needs 100000 frames, not 5");

  const std::string long_text(1000, 'a');
  const std::string cut = message_from([&] { throw std::runtime_error(long_text); });
  EXPECT_EQ(cut, std::string(397, 'a') + "...");
  EXPECT_EQ(message_from([&] { throw Error(long_text); }), long_text) << "an error of the library";
  EXPECT_EQ(message_from([] { throw std::runtime_error("\n  two\n\tlines \n"); }), "two lines");
}

TEST(Texts, OfLibtorchAreCutBetweenCharacters) {
  for (const std::string character : {"a", "\u00e9", "\u20ac", "\U0001f600"})
    for (size_t shift = 0; shift < 4; ++shift) {
      SCOPED_TRACE(::testing::Message() << shift << " bytes before " << character);
      const auto text = [&](size_t count) {
        std::string text(shift, 'b');
        while (count-- > 0) text += character;
        return text;
      };
      const std::string cut = message_from([&] { throw std::runtime_error(text(401)); });
      EXPECT_EQ(cut, text((397 - shift) / character.size()) + "...");
    }
}

}  // namespace
}  // namespace torchstreamer::testing
