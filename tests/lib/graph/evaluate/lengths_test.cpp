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

// Returns a model that checks a condition on its length, n.
std::string checking(const std::string& condition) {
  return "def forward(self, x):\n  n = x.size(-1)\n  assert " + condition +
         ", 'not ' + str(n)\n  return x * 2.0";
}

// The decisions are made for lengths that the model takes, as for a single comparison.
TEST(LengthChecks, OfSeveralConditionsThatOnlyLongSignalsMeet) {
  for (const char* condition :
       {"n >= 12000", "12000 <= n and n <= 90000", "x.dim() == 3 and n >= 12000",
        "n >= 12000 and x.dim() == 3", "(n >= 12000) & (n <= 90000)", "n >= 12000 or n < 5",
        "n < 5 or n >= 12000", "not (n < 12000 or n > 90000)", "not n < 12000",
        "(n > 2 and n < 9) or (n >= 12000 and not (n == 7 or n == 95000))"}) {
    SCOPED_TRACE(condition);
    ScriptedStream model(scripted(checking(condition)));
    for (const int64_t frames : {12000, 12001, 50000})
      expect_equal(*model.stream, model.offline(), model.signal(frames), {5, frames - 5});
    for (const int64_t frames : {1000, 11999})
      EXPECT_SAYS("raises \"AssertionError: not ",
                  error_of([&] { model.stream->forward(model.signal(frames), true); }));
  }
}

TEST(LengthChecks, OfSeveralConditionsThatNoLongSignalMeets) {
  for (const char* condition :
       {"n <= 4000", "1000 <= n and n <= 4000", "x.dim() == 3 and n <= 4000", "n <= 4000 and n > 0",
        "(n >= 1000) & (n <= 4000)", "n < 1000 or n < 4000", "not (n > 4000 or n < 9)",
        "n % 2 == 0 and n <= 4000"}) {
    SCOPED_TRACE(condition);
    const auto plan = [&] { ScriptedStream model(scripted(checking(condition))); };
    EXPECT_SAYS("the model raises \"AssertionError: not 8192\"; a stream needs 5 lengths",
                error_of<Refusal>(plan));
  }
}

// A signal that is too long fails at the first push beyond the limit.
TEST(LengthChecks, OfSeveralConditionsLimitTheLength) {
  for (const char* condition :
       {"5 <= n and n <= 20000", "(n >= 5) & (n <= 20000)", "not n > 20000"}) {
    SCOPED_TRACE(condition);
    ScriptedStream model(scripted(checking(condition)));
    const Tensor x = model.signal(20001);
    model.stream->forward(x.slice(1, 0, 20000));
    EXPECT_SAYS("20000 frames would work",
                error_of([&] { model.stream->forward(x.slice(1, 20000)); }));
  }
}

TEST(LengthChecks, OfSeveralConditionsForShortSignals) {
  for (const char* condition :
       {"3 < n and n < 9000000", "n > 3 and n != 7", "n < 5 or n > 9", "not (n == 4 or n == 6)",
        "(n < 5) | (n > 9)", "n > 9 or 12 // (n - 9) < -2", "n != 9 and 12 // (n - 9) != 4"})
    expect_short(checking(condition), 20);
}

// The result of a comparison may decide more than the check.
TEST(LengthChecks, OfConditionsThatOtherBranchesUse) {
  for (const char* source :
       {"def forward(self, x):\n  is_short = x.size(-1) < 10\n"
        "  assert is_short or x.size(-1) > 14, 'not this one'\n"
        "  if is_short:\n    x = x * 3.0\n  return x + 1.0",
        "def forward(self, x):\n"
        "  is_taken = (4 < x.size(-1) and x.size(-1) < 10) or x.size(-1) > 14\n"
        "  if is_taken:\n    x = x * 3.0\n"
        "  assert is_taken or x.size(-1) > 12, 'not this one'\n  return x + 1.0"}) {
    ScriptedStream model(scripted(source));
    for (int64_t frames = 1; frames < 20; ++frames) {
      SCOPED_TRACE(::testing::Message() << source << "\n" << frames << " frames");
      expect_equal_or_error(model, model.signal(frames), {frames});
    }
  }
}

}  // namespace
}  // namespace torchstreamer::testing
