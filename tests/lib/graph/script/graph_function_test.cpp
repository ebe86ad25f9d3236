// Divisions of integers that end the process in libtorch.
#include "graph/script/graph_function.h"

#include <limits>

#include "expect_says.h"
#include "graph/script/method_graph.h"
#include "lib/support/script_model.h"
#include "support/exceptions.h"

namespace torchstreamer::testing {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

// Returns the text of the exception of a function of `a` and `b`, or its result.
std::string outcome(const std::string& expression, int64_t a, int64_t b) {
  const auto module = scripted("def forward(self, a: int, b: int) -> int:\n  return " + expression);
  const auto graph = graph::method_graph(module, "forward");
  torch::jit::Stack stack = {module._ivalue(), a, b};
  try {
    graph::graph_function("forward", *graph)->run(stack);
  } catch (const std::exception& e) {
    return message_of(e);
  }
  return std::to_string(stack.at(0).toInt());
}

TEST(GraphFunction, RaisesAnExceptionForADivisionThatEndsTheProcess) {
  const std::string by_zero = "it divides 7 by 0";
  const std::string of_least = "it divides -9223372036854775808 by -1";
  for (const char* division : {"a % b", "a // b", "divmod(a, b)[0]"}) {
    SCOPED_TRACE(division);
    EXPECT_SAYS(by_zero, outcome(division, 7, 0));
    EXPECT_SAYS(of_least, outcome(division, kLeast, -1));
  }
  EXPECT_SAYS(by_zero, outcome("a % 0", 7, 1));
  EXPECT_SAYS(of_least, outcome("a // -1", kLeast, 1));
}

TEST(GraphFunction, Divides) {
  EXPECT_EQ(outcome("a % b", -7, 3), "2");
  EXPECT_EQ(outcome("a // b", -7, 3), "-3");
  EXPECT_EQ(outcome("divmod(a, b)[1]", -7, 3), "2");
  EXPECT_EQ(outcome("a % -1", 7, 0), "0");
  EXPECT_EQ(outcome("a // -1", 7, 0), "-7");
}

// Other integers beyond any size of audio have the same result as in TorchScript.
TEST(GraphFunction, KeepsOtherOperators) {
  EXPECT_EQ(outcome("int(a ** b)", 2, -1), "0");
  EXPECT_EQ(outcome("a >> b", 4, 1), "2");
  EXPECT_SAYS("range() arg 3 must not be zero", outcome("len([i for i in range(0, a, b)])", 7, 0));
}

}  // namespace
}  // namespace torchstreamer::testing
