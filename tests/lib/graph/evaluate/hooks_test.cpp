// Hooks of the module that a file contains.
#include "lib/support/model_files.h"

namespace torchstreamer::testing {
namespace {

// Module::operator() runs hooks as torch.nn.Module.__call__() does.
TEST(Hooks, OfTheRootModuleRun) {
  torch::NoGradGuard guard;
  const std::string file = models() / "families/context_hooked.script.pt";
  torch::jit::Module module = torch::jit::load(file);
  const auto call = [&](const Tensor& x) { return module({x.unsqueeze(0)}).toTensor().squeeze(0); };
  Random random(base_seed());
  const Tensor x = torch::randn({2, 60});
  const Tensor expected = call(x);
  const Tensor without_hooks = module.forward({x.unsqueeze(0)}).toTensor().squeeze(0);
  EXPECT_GT(largest_difference(expected, without_hooks), 0.1);
  EXPECT_TRUE(expect_equal(*load_stream(file), call, x, {7, 0, 53}));
  const graph::OfflineRule offline = graph::ScriptModel(module, at::kCPU).offline_rule({});
  EXPECT_TRUE(offline(x).allclose(expected, 1e-6, 1e-6));
}

}  // namespace
}  // namespace torchstreamer::testing
