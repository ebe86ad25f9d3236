// Classification of the arguments of a method.
#include "graph/script/arguments.h"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/passes/inliner.h>

#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

using graph::Argument;
using Kind = Argument::Kind;

// The method of a model, its inlined graph, and its arguments for some inputs.
struct Method {
  explicit Method(const std::string& signature, const std::string& body = "x")
      : module(scripted("def forward(self, " + signature + "):\n  return " + body)),
        graph(
            torch::jit::toGraphFunction(module.get_method("forward").function()).graph()->copy()) {
    torch::jit::Inline(*graph);
  }

  const c10::FunctionSchema& schema() const {
    return module.get_method("forward").function().getSchema();
  }
  std::vector<Argument> arguments(const NamedValues& inputs = {}) const {
    return graph::arguments_of(schema(), *graph, inputs, at::kFloat);
  }
  std::string error(const NamedValues& inputs = {}) const {
    return error_of([&] { require_complete(arguments(inputs), schema()); });
  }

  torch::jit::Module module;
  std::shared_ptr<torch::jit::Graph> graph;
};

std::vector<Kind> kinds_of(const std::vector<Argument>& arguments) {
  std::vector<Kind> kinds;
  for (const Argument& argument : arguments) kinds.push_back(argument.kind);
  return kinds;
}

TEST(Arguments, AreClassified) {
  const Method method("name: str, x, gain, sr: int, depth: int = 3, c: float = 0.5, late: int = 1",
                      "x * gain * sr * depth * c * late");
  const auto arguments = method.arguments({{"gain", 2.0}, {"c", 0.25}});
  EXPECT_EQ(kinds_of(arguments),
            (std::vector<Kind>{Kind::kUnused, Kind::kSignal, Kind::kGiven, Kind::kRate,
                               Kind::kDefault, Kind::kGiven, Kind::kDefault}));
  EXPECT_EQ(arguments[0].value->toStringRef(), "");
  EXPECT_EQ(arguments[2].value->toTensor().item<float>(), 2);
  EXPECT_FALSE(arguments[3].value) << "the rate has no default";
  EXPECT_EQ(arguments[4].value->toInt(), 3);
  EXPECT_EQ(arguments[5].value->toDouble(), 0.25);
  EXPECT_EQ(method.error({{"gain", 2.0}}), "");
}

TEST(Arguments, ThatAreGivenAreNotTheSignal) {
  const Method method("h, x", "x + h");
  EXPECT_EQ(kinds_of(method.arguments({{"h", 1.0}})),
            (std::vector<Kind>{Kind::kGiven, Kind::kSignal}));
  EXPECT_EQ(kinds_of(method.arguments()), (std::vector<Kind>{Kind::kSignal, Kind::kMissing}));
}

TEST(Arguments, WithNamesOfRatesGetTheRate) {
  for (const std::string name : {"sr", "sample_rate", "sampling_rate", "fs", "rate"})
    for (const std::string type : {"int", "float", "Optional[int]", "Optional[float]"}) {
      const bool is_optional = type[0] == 'O';
      const Method method("x, " + name + ": " + type + (is_optional ? " = None" : ""),
                          is_optional ? "x if " + name + " is None else x * 2" : "x * " + name);
      const Argument rate = method.arguments().at(1);
      EXPECT_EQ(rate.kind, Kind::kRate) << name << ": " << type;
      const auto value = graph::rate_value(rate.type, 44100);
      EXPECT_EQ(value.toScalar().toDouble(), 44100);
      EXPECT_EQ(value.isInt(), type.find("int") != type.npos);
      EXPECT_EQ(method.arguments({{name, int64_t{8}}}).at(1).kind, Kind::kGiven);
    }
  EXPECT_EQ(Method("x, rates: int", "x * rates").arguments().at(1).kind, Kind::kMissing);
  EXPECT_EQ(Method("x, rate", "x * rate").arguments().at(1).kind, Kind::kMissing) << "a tensor";
  EXPECT_EQ(Method("x, sr: int").arguments().at(1).kind, Kind::kUnused);
}

TEST(Arguments, WithoutEffectNeedNoValue) {
  for (const std::string type : {"int", "float", "bool", "str", "Tensor", "Optional[Tensor]",
                                 "List[int]", "Tuple[Tensor, Tuple[int, float]]"}) {
    const Argument unused = Method("x, a: " + type).arguments().at(1);
    EXPECT_EQ(unused.kind, Kind::kUnused) << type;
    Method("x, a: " + type).module.forward({torch::zeros({1}), *unused.value});
  }
}

TEST(Arguments, ErrorsNameTheArgumentAndTheSchema) {
  const Method method("x, gain, depth: int = 3", "x * gain * depth");
  EXPECT_EQ(method.error({{"gian", 1.0}}),
            "forward() has no argument 'gian'; it has x: Tensor, gain: Tensor, depth: int");
  EXPECT_EQ(method.error({{"depth", 0.5}}),
            "the argument 'depth' of forward() is of type int and takes an integer, not 0.5");
  EXPECT_EQ(method.error(),
            "forward() cannot be streamed: it needs a value of its argument 'gain' of type Tensor; "
            "set it with inputs to a number, an array of numbers or a string such as 'zeros(2, 1, "
            "64)': its signature is forward(Tensor x, Tensor gain, int depth=3) -> Tensor");
  EXPECT_SAYS(
      "set it with inputs to 2 tensors separated by semicolons, each a string such "
      "as 'zeros(2, 1, 64)': its",
      Method("x, state: Tuple[Tensor, Tensor]", "x + state[0]").error());
  EXPECT_SAYS("'state' of type Dict[str, Tensor], for which no value can be given: its",
              Method("x, state: Dict[str, Tensor]", "x + state['a']").error());
  EXPECT_EQ(Method("a: int", "a").error(),
            "forward() cannot be streamed: it takes no signal, which is its first argument of type "
            "Tensor: its signature is forward(int a) -> int");
}

}  // namespace
}  // namespace torchstreamer::testing
