// Branches whose condition depends on the length of the signal.
#include "lib/graph/rules/rates_source.h"

namespace torchstreamer::testing {
namespace {

TEST(LengthBranches, PadTheEnd) {
  expect_source(
      "def forward(self, x):\n  if x.size(2) % 2 == 1:\n"
      "    x = torch.constant_pad_nd(x, [0, 1])\n  return x * 2.0",
      2, 8);
  expect_source(
      "def forward(self, x):\n  if x.size(2) % 8 != 0:\n"
      "    x = torch.pad(x, [0, 8 - x.size(2) % 8])\n  return torch.tanh(x)",
      2, 8);
}

TEST(LengthBranches, ChooseNumbers) {
  expect_source(
      "def forward(self, x):\n  n = 0\n  if x.size(2) % 4 != 0:\n"
      "    n = 4 - x.size(2) % 4\n  return torch.constant_pad_nd(x, [0, n])",
      2, 8);
}

TEST(LengthBranches, OfDifferentSignalsAreRefused) {
  expect_refused("def forward(self, x):\n  if x.size(2) % 2 == 1:\n    return x * 2.0\n  return x",
                 {"prim::If", "depends on the length"});
}

}  // namespace
}  // namespace torchstreamer::testing
