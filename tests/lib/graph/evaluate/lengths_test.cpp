// Branches whose condition depends on the length of the signal.
#include "expect_says.h"
#include "lib/graph/rules/rates_source.h"
#include "lib/support/error_of.h"

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

// Checks the error for a signal of 2 frames.
void expect_error(const std::string& source, const char* part) {
  SCOPED_TRACE(source);
  ScriptedStream model(scripted(source), 2);
  EXPECT_SAYS(part, error_of([&] { model.stream->forward(model.signal(2), true); }));
}

TEST(LengthChecks, NameTheExceptionOfTheModel) {
  expect_error(
      "def forward(self, x):\n"
      "  assert x.size(2) % 4 == 0, 'only ' + str(x.size(2))\n  return x * 2.0",
      "the model raises \"AssertionError: only ");
}

TEST(LengthChecks, ChangeNothingInTheStream) {
  const std::string change_of_a_list =
      "def note(self, items: List[float]) -> str:\n"
      "  items.append(3.0)\n  return 'short'\n"
      "def forward(self, x):\n  items = [2.0]\n"
      "  assert x.size(2) % 4 == 0, self.note(items)\n  return x * items[-1]";
  const std::string write =
      "def note(self, y: Tensor) -> str:\n  y.mul_(3.0)\n  return 'short'\n"
      "def forward(self, x):\n  y = x + 1.0\n"
      "  assert x.size(2) % 4 == 0, self.note(y)\n  return y * 2.0";
  for (const std::string& source : {change_of_a_list, write}) {
    expect_short(source, 12);
    expect_error(source, "the model raises an exception");
  }
}

}  // namespace
}  // namespace torchstreamer::testing
