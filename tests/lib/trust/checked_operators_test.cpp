// Operators for which libtorch would end the process.
#include "trust/checked_operators.h"

#include <torch/csrc/jit/runtime/operator.h>

#include <limits>

#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/script_model.h"
#include "support/exceptions.h"
#include "temporary_folder.h"
#include "torchstreamer/load.h"

namespace torchstreamer::testing {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
const std::string kByZero = "it divides 7 by 0";
const std::string kOfLeast = "it divides -9223372036854775808 by -1";
// TorchScript has no literal for it.
const std::string kLeastText = "(-9223372036854775807 - 1)";

// Returns the text of the exception of a function of `a` and `b`, or its result. `type`: their
// type.
std::string outcome(const std::string& type, const std::string& expression, const c10::IValue& a,
                    const c10::IValue& b) {
  check_operators();
  auto module =
      scripted("def forward(self, a: " + type + ", b: " + type + "):\n  return " + expression);
  try {
    const c10::IValue result = module.forward({a, b});
    return result.isTensor() ? std::to_string(result.toTensor().item<int64_t>()) : c10::str(result);
  } catch (const std::exception& e) {
    return message_of(e);
  }
}

TEST(CheckedOperators, RaiseAnExceptionForADivisionOfIntegers) {
  for (const char* division : {"a % b", "a // b", "divmod(a, b)[0]"}) {
    SCOPED_TRACE(division);
    EXPECT_SAYS(kByZero, outcome("int", division, 7, 0));
    EXPECT_SAYS(kOfLeast, outcome("int", division, kLeast, -1));
  }
  EXPECT_SAYS(kByZero, outcome("int", "a % 0", 7, 1));
  EXPECT_SAYS(kOfLeast, outcome("int", "a // -1", kLeast, 1));
  EXPECT_SAYS(kOfLeast, outcome("int", "torch.gcd(a, b)", kLeast, -1));
  EXPECT_SAYS(kOfLeast, outcome("int", "torch.gcd(a, b)", -1, kLeast));
}

TEST(CheckedOperators, RaiseAnExceptionForADivisionOfTensors) {
  const Tensor least = torch::full({1}, kLeast, torch::kLong), minus = torch::full({1}, -1L);
  for (const char* division :
       {"a % b", "a // b", "a % -1", "a.fmod(b)", "a.remainder_(b)", "torch.floor_divide(a, b)",
        "torch.div(a, b, rounding_mode='trunc')", "a.div_(b, rounding_mode='floor')"}) {
    SCOPED_TRACE(division);
    EXPECT_SAYS(kOfLeast, outcome("Tensor", division, least.clone(), minus));
  }
  EXPECT_SAYS(kOfLeast, outcome("Tensor", "torch.lcm(a, b)", least, torch::full({1}, 7L)));
  EXPECT_SAYS("it divides -2147483648 by -1",
              outcome("Tensor", "a % b", torch::full({1}, 1L << 31, torch::kLong).to(torch::kInt),
                      minus.to(torch::kInt)));
}

TEST(CheckedOperators, HaveTheSameResultsForOtherArguments) {
  const Tensor seven = torch::full({1}, 7L), minus = torch::full({1}, -1L);
  EXPECT_EQ(outcome("int", "a % b", -7, 3), "2");
  EXPECT_EQ(outcome("int", "a // b", -7, 3), "-3");
  EXPECT_EQ(outcome("int", "divmod(a, b)[1]", -7, 3), "2");
  EXPECT_EQ(outcome("int", "a % -1", 7, 0), "0");
  EXPECT_EQ(outcome("int", "a // -1", 7, 0), "-7");
  EXPECT_EQ(outcome("int", "torch.gcd(a, b)", -12, 8), "4");
  EXPECT_EQ(outcome("int", "a / b", kLeast, -1), "9.2233720368547758e+18");
  EXPECT_EQ(outcome("Tensor", "a % b", seven, minus), "0");
  EXPECT_EQ(outcome("Tensor", "a // b", seven, minus), "-7");
  EXPECT_EQ(outcome("Tensor", "torch.div(a, b)", seven, minus), "-7");
  EXPECT_EQ(outcome("Tensor", "torch.arange(10, 0, -2).sum()", seven, minus), "30");
  EXPECT_EQ(outcome("Tensor", "torch.arange(5).sum()", seven, minus), "10");
  EXPECT_EQ(outcome("int", "len('ab'.ljust(a))", 7, 0), "7");
  EXPECT_EQ(outcome("int", "len('ab'.ljust(b)) + len('ab'.center(1))", 7, -1), "4");
  EXPECT_SAYS("step must be nonzero", outcome("Tensor", "torch.arange(0, 10, 0)", seven, minus));
  EXPECT_EQ(outcome("int", "'abab'.count('ab')", 7, 0), "2");
}

// No integer type has the least one of a longer type: its bits would be 0.
TEST(CheckedOperators, DivideShortIntegers) {
  for (const at::ScalarType type : {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong}) {
    SCOPED_TRACE(type);
    const Tensor zero = torch::zeros({1}, type), minus = torch::full({1}, -1, at::kLong).to(type);
    for (const char* division : {"a % b", "a // b", "torch.div(a, b, rounding_mode='trunc')",
                                 "torch.gcd(a, a)", "torch.lcm(a, b)"})
      EXPECT_EQ(outcome("Tensor", division, zero, minus), "0") << division;
  }
  EXPECT_EQ(
      outcome("Tensor", "a // b", torch::full({1}, 9, at::kByte), torch::full({1}, 255, at::kByte)),
      "0");
}

// torch.ops finds operators of tensors in the dispatcher.
TEST(CheckedOperators, StayOperatorsOfTheDispatcher) {
  check_operators();
  for (const char* name : {"aten::div", "aten::remainder", "aten::arange"})
    for (const auto& op : torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(name))) {
      const auto& schema = op->schema();
      const auto handle =
          c10::Dispatcher::singleton().findSchema({schema.name(), schema.overload_name()});
      EXPECT_EQ(op->isC10Op(), handle.has_value()) << schema;
    }
}

// Other integers beyond any size of audio raise the exceptions of TorchScript.
TEST(CheckedOperators, KeepOtherOperators) {
  EXPECT_EQ(outcome("int", "int(a ** b)", 2, -1), "0");
  EXPECT_EQ(outcome("int", "a >> b", 4, 1), "2");
  EXPECT_SAYS("range() arg 3 must not be zero",
              outcome("int", "len([i for i in range(0, a, b)])", 7, 0));
}

struct Constants {
  std::string expression;  ///< a number
  std::string error;       ///< at line 2
};

const Constants kConstants[] = {
    {"7 % 0", "aten::remainder: " + kByZero},
    {"7 // 0", "aten::floordiv: " + kByZero},
    {kLeastText + " // -1", "aten::floordiv: " + kOfLeast},
    {kLeastText + " % -1", "aten::remainder: " + kOfLeast},
    {"divmod(" + kLeastText + ", -1)[1]", "aten::divmod: " + kOfLeast},
    {"torch.gcd(" + kLeastText + ", -1)", "aten::gcd: " + kOfLeast},
    {"torch.arange(0, " + kLeastText + ", -1)", "aten::arange: its range from 0 to "},
    {"torch.tensor(" + kLeastText + ") // -1", "aten::floor_divide: " + kOfLeast},
    {"len('a'.center(-1))", "aten::center: its width is -1"},
    {"len('a'.ljust(1 << 40))", "aten::ljust: its width is 1099511627776; "},
    {"torch.view_copy(torch.zeros([1]), 4400)",
     "aten::view_copy: its argument 'dtype' is 4400, which is not one of its values"},
    {"'a'.count('')", "aten::count: it looks for an empty text"},
};

// libtorch computes constants while it reads a file.
TEST(CheckedOperators, OfConstantsInFilesAreRefused) {
  check_operators();
  const test::TemporaryFolder folder;
  for (const auto& [expression, error] : kConstants) {
    SCOPED_TRACE(expression);
    const std::string file = folder / "model.pt";
    scripted("def forward(self, x):\n  return x * (" + expression + ")").save(file);
    const std::string text = error_of([&] { load_model(file, {}); });
    const size_t colon = error.find(": ");
    EXPECT_SAYS(error.substr(0, colon) + " at ", text);
    EXPECT_SAYS(" cannot be streamed: " + error.substr(colon + 2), text);
  }
}

}  // namespace
}  // namespace torchstreamer::testing
