// Exported programs compute in libtorch what they computed in Python, and stream.
#include "expect_says.h"
#include "exported_files.h"
#include "graph/model/outputs.h"
#include "graph/model/script_model.h"
#include "lib/support/error_of.h"
#include "lib/support/model_files.h"
#include "torchstreamer/exported_program.h"
#include "torchstreamer/load.h"

namespace torchstreamer::testing {
namespace {

class ExportedFiles : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  std::string file() const { return GetParam().string(); }
  std::string name() const { return GetParam().stem().string(); }
};

// Values of the arguments with which Python ran a program.
NamedValues inputs_of(const std::string& name) {
  if (name == "knobs") return {{"gain", std::vector<double>{0.75}}, {"offset", 0.25}};
  return {};
}

std::vector<c10::IValue> call_of(const std::string& name, const Tensor& signal) {
  if (name == "knobs") return {signal, torch::tensor({0.75f}), torch::tensor(0.25f)};
  return {signal};
}

void expect_outputs(const Tensors& outputs, const PythonRun& run) {
  ASSERT_EQ(outputs.size(), run.outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    SCOPED_TRACE(c10::str("output ", i, " of ", run.signal.sizes()));
    Expected expected = run.expected(i);
    expected.y = as_real(expected.y);
    expect_within_rounding(as_real(outputs[i]), expected);
  }
}

// Without the optimizer of TorchScript, whose code for round() is wrong in Debian's libtorch 2.
TEST_P(ExportedFiles, HaveTheOutputsOfPython) {
  torch::NoGradGuard no_gradients;
  torch::jit::GraphOptimizerEnabledGuard no_optimizer(false);
  torch::jit::Module module = load_exported_program(file());
  for (const PythonRun& run : python_runs(GetParam()))
    for (int call = 0; call < 2; ++call) {  // the second one begins with the saved buffers, too
      const auto arguments = call_of(name(), run.signal.clone());
      if (run.outputs.empty())
        EXPECT_ANY_THROW(module.forward(arguments)) << run.signal.sizes();
      else
        expect_outputs(graph::output_tensors(module.forward(arguments)), run);
    }
}

// Parts of the messages for the files that must be refused.
std::string refusal_of(const std::string& name) {
  if (name == "bounded") return "exported for sizes of 48 to 4096 along axis 2";
  if (name.rfind("transformer_position_table", 0) == 0)
    return "exported for sizes of 2 to 3200 along axis 2";
  if (name == "built_in") return "was exported for 96 frames, which are part of its graph";
  if (name == "cropped" || name == "trimmed") return "its output does not grow with the signal";
  if (name == "aligned_core") return "use align_corners=False";
  return "";
}

// [1, C, T], [C, T] or [T] as [C, T].
Tensor as_channels(const Tensor& signal) {
  return signal.dim() == 3 ? signal[0] : signal.dim() == 1 ? signal.unsqueeze(0) : signal;
}

void expect_streamed(BaseStream& stream, const PythonRun& run, Random& random) {
  for (int repeat = 0; repeat < 4; ++repeat) {
    const Tensor x = as_channels(run.signal);
    Expected expected = run.expected(0);
    expected.y = as_channels(expected.y);
    const Tensor y = testing::run(stream, x, random_chunks(random, x.size(-1)));
    ASSERT_TRUE(y.defined());
    expect_within_rounding(y, expected);
  }
}

// A program that torch.export limited to some lengths must be refused, too.
TEST_P(ExportedFiles, Stream) {
  const std::vector<PythonRun> runs = python_runs(GetParam());
  const bool differs =
      std::any_of(runs.begin(), runs.end(), [](const PythonRun& run) { return run.differs; });
  const std::string refusal = refusal_of(name());
  std::shared_ptr<BaseStream> stream;
  try {
    LoadOptions options;
    options.call.inputs = inputs_of(name());
    stream = load_stream(file(), options);
  } catch (const Error& e) {
    EXPECT_TRUE(differs || !refusal.empty()) << e.what();
    EXPECT_SAYS(refusal, e.what());
    return;
  }
  EXPECT_FALSE(differs || !refusal.empty()) << "it was not refused";
  Random random(base_seed());
  for (const PythonRun& run : runs) expect_streamed(*stream, run, random);
}

TEST(ExportedInterpolation, IsComputedByKernels) {
  for (const char* name : {"interpolated_core.pt2", "sized_core.pt2"}) {
    const auto file = exported_folder() / "torch-2.14" / name;
    LoadOptions options;
    const LayerPtr network = graph::ScriptModel(file, at::kCPU).plan(options);
    const auto* program = dynamic_cast<const graph::PlannedNetwork&>(*network).program();
    ASSERT_NE(program, nullptr);
    EXPECT_FALSE(has_fallback(*program)) << network->describe();
  }
}

TEST(ExportedArguments, SelectOutputsByName) {
  for (const std::string version : {"torch-2.6", "torch-2.14"}) {
    LoadOptions options;
    options.call.inputs = inputs_of("knobs");
    options.output = "dry";
    const auto file = exported_folder() / version / "knobs.pt2";
    Random random(base_seed());
    for (const PythonRun& run : python_runs(file)) {
      Expected expected = run.expected(1);
      expected.y = expected.y[0];
      const auto stream = load_stream(file, options);
      const auto chunks = random_chunks(random, run.signal.size(-1));
      expect_within_rounding(testing::run(*stream, run.signal[0], chunks), expected);
    }
    options.call.inputs.erase("offset");
    EXPECT_THROW(load_stream(file, options), Refusal);
  }
}

// The error names the sizes for which the program was exported.
TEST(ExportedLengths, ThatWereNotExportedAreErrors) {
  const std::vector<std::tuple<std::string, int64_t, std::string>> rows = {
      {"torch-2.14/even.pt2", 97, "multiples of 2, 2 or more"},
      {"torch-2.14/multiples.pt2", 100, "multiples of 16, 32 to 16777216"},
      {"torch-2.6/multiples.pt2", 16, "multiples of 16, 32 to 16777216"},
      {"torch-2.14/in_place.pt2", 1, "2 or more"},
  };
  for (const auto& [file, frames, sizes] : rows) {
    SCOPED_TRACE(file);
    const std::string path = (exported_folder() / file).string();
    const auto stream = load_stream(path);
    const int64_t channels = file == "torch-2.14/in_place.pt2" ? 2 : 1;
    EXPECT_SAYS("exported for sizes of " + sizes, error_of([&] {
                  stream->forward(at::ones({channels, frames}), /*final=*/true);
                }));
    torch::jit::Module module = load_exported_program(path);
    try {
      module.forward({at::ones({1, channels, frames})});
      ADD_FAILURE() << "it was run";
    } catch (const std::exception& e) {
      EXPECT_SAYS("exported for sizes of " + sizes, e.what());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, ExportedFiles, ::testing::ValuesIn(exported_files()),
                         exported_name);

}  // namespace
}  // namespace torchstreamer::testing
