// Values of a user as values of TorchScript.
#include "graph/script/named_value.h"

#include <ATen/core/jit_type.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/frontend/script_type_parser.h>
#include <torch/types.h>

#include "lib/support/error_of.h"
#include "support/value_text.h"
#include "torchstreamer/error.h"

namespace torchstreamer::testing {
namespace {

using c10::IValue;
using Numbers = std::vector<double>;

c10::TypePtr type_of(const std::string& text) {
  return torch::jit::ScriptTypeParser().parseType(text);
}

IValue converted(const NamedValue& value, const std::string& type) {
  return graph::converted_value(value, type_of(type), at::kDouble, "the argument 'a' of f()");
}

std::string conversion_error(const NamedValue& value, const std::string& type) {
  return error_of<OptionError>([&] { converted(value, type); });
}

TEST(NamedValues, BecomeNumbersAndStrings) {
  EXPECT_EQ(converted(int64_t{3}, "int").toInt(), 3);
  EXPECT_EQ(converted(3.0, "int").toInt(), 3);
  EXPECT_EQ(converted(int64_t{3}, "float").toDouble(), 3.0);
  EXPECT_EQ(converted(0.25, "float").toDouble(), 0.25);
  EXPECT_TRUE(converted(true, "bool").toBool());
  EXPECT_EQ(converted(std::string("warm"), "str").toStringRef(), "warm");
  EXPECT_EQ(converted(0.5, "Optional[float]").toDouble(), 0.5);
  EXPECT_TRUE(converted(std::string("None"), "Optional[float]").isNone());
  EXPECT_TRUE(converted(std::string("None"), "Optional[Tensor]").isNone());
  EXPECT_EQ(converted(std::string("None"), "str").toStringRef(), "None");
}

TEST(NamedValues, BecomeLists) {
  EXPECT_EQ(converted(Numbers{1, 2}, "List[int]").toIntVector(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(converted(Numbers{1, 0.5}, "List[float]").toDoubleVector(), (Numbers{1, 0.5}));
  EXPECT_EQ(converted(int64_t{7}, "Optional[List[int]]").toIntVector(), std::vector<int64_t>{7});
}

// The tensors equal those of torch.tensor().
TEST(NamedValues, BecomeTensors) {
  const at::Tensor number = converted(0.5, "Tensor").toTensor();
  EXPECT_TRUE(number.equal(torch::tensor(0.5, at::kDouble)));
  const at::Tensor integer = converted(int64_t{3}, "Tensor").toTensor();
  EXPECT_TRUE(integer.equal(torch::tensor(3, at::kLong)));
  EXPECT_EQ(integer.scalar_type(), at::kLong);
  EXPECT_EQ(converted(true, "Tensor").toTensor().scalar_type(), at::kBool);
  const at::Tensor array = converted(Numbers{0.5, 2}, "Tensor").toTensor();
  EXPECT_TRUE(array.equal(torch::tensor({0.5, 2.0}, at::kDouble)));
  const at::Tensor zeros = converted(std::string(" zeros( 2,1, 64 )"), "Tensor").toTensor();
  EXPECT_TRUE(zeros.equal(torch::zeros({2, 1, 64}, at::kDouble)));
  EXPECT_EQ(zeros.scalar_type(), at::kDouble);
  EXPECT_EQ(converted(std::string("zeros()"), "Tensor").toTensor().dim(), 0);
}

TEST(NamedValues, BecomeTuplesOfTensors) {
  const std::string text = "zeros(1, 2); zeros(3)";
  const auto pair = converted(text, "Optional[Tuple[Tensor, Tensor]]").toTupleRef().elements();
  EXPECT_EQ(pair.at(0).toTensor().sizes(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(pair.at(1).toTensor().sizes(), std::vector<int64_t>{3});
  const auto nested = converted(text + ";zeros(4)", "Tuple[Tensor, Tuple[Tensor, Tensor]]");
  const auto inner = nested.toTupleRef().elements().at(1).toTupleRef().elements();
  EXPECT_EQ(inner.at(1).toTensor().sizes(), std::vector<int64_t>{4});
  EXPECT_EQ(converted(text, "List[Tensor]").toTensorVector().size(), 2u);
}

TEST(NamedValues, OfTheWrongTypeAreErrors) {
  const std::string name = "the argument 'a' of f() is of type ";
  const std::string tensor = "a number, an array of numbers or a string such as 'zeros(2, 1, 64)'";
  const struct {
    NamedValue value;
    const char* type;
    std::string error;
  } cases[] = {
      {0.5, "int", "int and takes an integer, not 0.5"},
      {true, "int", "int and takes an integer, not true"},
      {1e300, "int", "int and takes an integer, not 1e+300"},
      {std::string("loud"), "float", "float and takes a number, not 'loud'"},
      {true, "float", "float and takes a number, not true"},
      {Numbers{1}, "float", "float and takes a number, not [1]"},
      {int64_t{1}, "bool", "bool and takes true or false, not 1"},
      {int64_t{1}, "str", "str and takes a string, not 1"},
      {std::string("x"), "Optional[int]", "Optional[int] and takes an integer, or 'None', not 'x'"},
      {Numbers{1, 0.5}, "List[int]", "List[int] and takes an array of integers, not [1, 0.5]"},
      {false, "List[float]", "List[float] and takes an array of numbers, not false"},
      {std::string("ones(2)"), "Tensor", "Tensor and takes " + tensor + ", not 'ones(2)'"},
      {std::string("zeros(2, -1)"), "Tensor",
       "Tensor and takes " + tensor + ", not 'zeros(2, -1)'"},
      {std::string("zeros(99999999999, 99999999999)"), "Tensor",
       "Tensor and takes " + tensor + ", not 'zeros(99999999999, 99999999999)'"},
      {std::string("zeros(2)"), "Tuple[Tensor, Tensor]",
       "Tuple[Tensor, Tensor] and takes 2 tensors separated by semicolons, each a string such as "
       "'zeros(2, 1, 64)', not 'zeros(2)'"},
      {int64_t{1}, "Dict[str, Tensor]", "Dict[str, Tensor], for which no value can be given"},
      {int64_t{1}, "Optional[List[str]]", "Optional[List[str]] and takes 'None', not 1"},
  };
  for (const auto& [value, type, error] : cases)
    EXPECT_EQ(conversion_error(value, type), name + error);
}

TEST(NamedValues, ArePrinted) {
  EXPECT_EQ(shown(int64_t{3}), "3");
  EXPECT_EQ(shown(0.1), "0.1");
  EXPECT_EQ(shown(false), "false");
  EXPECT_EQ(shown(std::string("a")), "'a'");
  EXPECT_EQ(shown(Numbers{1, 2.5}), "[1, 2.5]");
}

}  // namespace
}  // namespace torchstreamer::testing
