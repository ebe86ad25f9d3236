// trust=operators: only graphs of known operators are run.
#include <torch/csrc/jit/ir/irparser.h>
#include <torch/custom_class.h>

#include <filesystem>

#include "expect_says.h"
#include "graph/model/model_file.h"
#include "lib/support/error_of.h"
#include "lib/support/model_files.h"
#include "temporary_folder.h"
#include "torchstreamer/load.h"

namespace torchstreamer::testing {
namespace {

torch::jit::Module read(const std::filesystem::path& file, Trust trust) {
  return graph::read_module(file.string(), at::kCPU, {}, trust);
}

/// Files in all folders of the models and of the programs of torch.export.
std::vector<std::filesystem::path> all_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& folder :
       {models(), std::filesystem::path(std::getenv("TORCHSTREAMER_EXPORTED"))})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (entry.path().extension() == ".pt" || entry.path().extension() == ".pt2")
        files.push_back(entry.path());
  return files;
}

TEST(Trust, AcceptsTheModelsOfAllTests) {
  int accepted = 0;
  for (const auto& file : all_files()) {
    const std::string text = error_of([&] { read(file, Trust::kOperators); });
    const bool is_readable = text.empty() || error_of([&] { read(file, Trust::kProgram); }).empty();
    accepted += text.empty();
    if (file.filename() == "forked.pt")
      EXPECT_SAYS("prim::fork", text);
    else
      EXPECT_TRUE(text.empty() || !is_readable) << file << ": " << text;
  }
  EXPECT_GT(accepted, 100);
}

class RefusedScripts : public ::testing::Test {
 protected:
  /// Message for a module with this Python code.
  std::string message(const std::string& code, Trust trust = Trust::kOperators) const {
    torch::jit::Module module("Model");
    module.define(code);
    return message(module, trust);
  }
  std::string message(const torch::jit::Module& module, Trust trust = Trust::kOperators) const {
    const std::string file = folder_ / "model.pt";
    module.save(file);
    LoadOptions options;
    options.trust = trust;
    return error_of([&] { load_model(file, options); });
  }

  const test::TemporaryFolder folder_;
};

TEST_F(RefusedScripts, NameTheOperator) {
  const std::pair<const char*, const char*> operators[] = {
      {"aten::from_file", "return x + torch.from_file('/etc/hostname', False, 4)"},
      {"aten::save", "torch.save(x, '/dev/null')\n  return x"},
      {"aten::manual_seed", "torch.manual_seed(1)\n  return x"},
      {"aten::_sparse_coo_tensor_unsafe",
       "return x + torch._sparse_coo_tensor_unsafe(x.to(4), x, [1 << 40])"},
      {"aten::_stack", "return torch._stack([x][1:])"},
      {"aten::embedding_bag", "return torch.embedding_bag(x, x.to(4), x.to(4))[0]"},
      {"aten::max_unpool2d", "return torch.max_unpool2d(x, x.to(4), [])"},
      {"aten::rrelu_with_noise", "return torch.rrelu_with_noise(x, x[:0], training=True)"},
      {"aten::thnn_conv2d", "return torch.thnn_conv2d(x, x, [1, 1], padding=[1, 1])"},
      {"aten::special_chebyshev_polynomial_t",
       "return torch.special_chebyshev_polynomial_t(x, 1 << 62)"},
      {"aten::slow_conv3d", "return torch.slow_conv3d(x, x, [2, 2, 2])"},
      {"aten::to_sparse_bsr", "return torch.to_sparse_bsr(x, [])"},
      {"aten::reflection_pad1d_backward", "return torch.reflection_pad1d_backward(x, x, [])"}};
  for (const auto& [name, body] : operators) {
    const std::string text = message("def forward(self, x):\n  " + std::string(body) + "\n");
    EXPECT_SAYS(name, text);
    EXPECT_SAYS("set trust=program if you trust the file", text);
  }
}

TEST_F(RefusedScripts, HaveOperatorsOfOtherNamespaces) {
  torch::jit::Module module("Model");
  const auto graph = std::make_shared<torch::jit::Graph>();
  torch::jit::parseIR(R"(
graph(%self, %x : Tensor):
  %inplace : bool = prim::Constant[value=0]()
  %y : Tensor = quantized::relu6(%x, %inplace)
  return (%y))",
                      graph.get());
  graph->inputs()[0]->setType(module.type());
  module.type()->addMethod(module._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*module.type()->name(), "forward"), graph));
  const std::string text = message(module);
  EXPECT_SAYS("quantized::relu6", text);
}

TEST_F(RefusedScripts, HaveTheOperatorInAnyMethodAndBlock) {
  EXPECT_NE(message("def forward(self, x):\n  return x * 2\n"
                    "def other(self, x):\n  return torch.from_file('f', False, 4)\n")
                .find("aten::from_file"),
            std::string::npos);
  EXPECT_NE(message("def forward(self, x):\n"
                    "  for i in range(3):\n"
                    "    if i > 1:\n"
                    "      x = x + torch.from_file('f', False, 4)\n"
                    "  return x\n")
                .find("aten::from_file"),
            std::string::npos);
}

TEST_F(RefusedScripts, HaveTheOperatorInASubmodule) {
  torch::jit::Module inner("Inner");
  inner.define("def forward(self, x):\n  return x + torch.from_file('f', False, 4)\n");
  torch::jit::Module outer("Outer");
  outer.register_module("inner", inner);
  outer.define("def forward(self, x):\n  return self.inner.forward(x)\n");
  EXPECT_NE(message(outer).find("aten::from_file"), std::string::npos);
}

constexpr char kState[] =
    "def __getstate__(self) -> int:\n  return 1\n"
    "def __setstate__(self, state: int) -> None:\n  assert False, 'it ran'\n"
    "def forward(self, x):\n  return x * 2\n";

TEST_F(RefusedScripts, RunCodeWhileTheyAreLoaded) {
  EXPECT_NE(message(kState, Trust::kProgram).find("it ran"), std::string::npos);
  const std::string text = message(kState);
  EXPECT_NE(text.find("has a method __setstate__, which runs while the file is loaded"),
            std::string::npos)
      << text;
  EXPECT_SAYS("torch.export.save()", text);
}

int states_restored = 0;

struct Custom : torch::CustomClassHolder {};

TEST_F(RefusedScripts, HaveObjectsOfClassesOfCpp) {
  const auto registered =
      torch::class_<Custom>("trust_test", "Custom")
          .def(torch::init<>())
          .def_pickle([](const c10::intrusive_ptr<Custom>&) -> int64_t { return 1; },
                      [](int64_t) {
                        ++states_restored;
                        return c10::make_intrusive<Custom>();
                      });
  torch::jit::Module module("Model");
  module.register_attribute("custom", c10::getCustomClassType<c10::intrusive_ptr<Custom>>(),
                            c10::IValue(c10::make_intrusive<Custom>()));
  module.define("def forward(self, x):\n  return x * 2\n");
  const std::string text = message(module);
  EXPECT_SAYS("has an object of a C++ class", text);
  EXPECT_EQ(states_restored, 0);
  message(module, Trust::kProgram);
  EXPECT_GT(states_restored, 0);
}

}  // namespace
}  // namespace torchstreamer::testing
