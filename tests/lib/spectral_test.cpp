// Operators over frames of a spectrum: windows and overlap-adds of time with other axes beside it.

#include "script_model.h"

namespace torchstreamer::testing {
namespace {

TEST(Script, ModuleInMemory) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    Random random(base_seed());
    ScriptedStream model(
        scripted("def forward(self, x):\n  return torch.conv1d(x, self.w) * 2",
                 {{"w", torch::randn({2, 3, 5})}}, dtype),
        3);
    expect_streams(model, random);
  }
}

}  // namespace
}  // namespace torchstreamer::testing
