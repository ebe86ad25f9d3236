// Outputs of a model by index and by name.
#include "graph/model/outputs.h"
#include "expect_says.h"
#include "lib/graph/script/called_model.h"

namespace torchstreamer::testing {
namespace {

using c10::IValue;

LoadOptions with_output(const std::string& output, const std::vector<std::string>& names = {}) {
  LoadOptions options;
  options.output = output;
  options.output_names = names;
  return options;
}

std::vector<IValue> signal_only(const Tensor& x) { return {x}; }

const char kDictionary[] = R"(
def forward(self, x):
  speech = torch.tanh(x)
  return {"speech": speech, "noise": x - speech, "level": x.abs().max()}
)";

TEST(Outputs, AreKeysOfDictionaries) {
  Random random(base_seed());
  const auto module = scripted(kDictionary);
  for (const auto& [output, key] : {std::pair("", "speech"),
                                    {"0", "speech"},
                                    {"speech", "speech"},
                                    {"noise", "noise"},
                                    {"1", "noise"}}) {
    SCOPED_TRACE(output);
    const auto part = [key = std::string(key)](const IValue& result) {
      return result.toGenericDict().at(key).toTensor();
    };
    expect_called(*planned(module, with_output(output)),
                  called(module, "forward", signal_only, part), random);
  }
  EXPECT_EQ(planning_error(module, with_output("voice")),
            "there is no output 'voice': the model has 3 outputs, counted from 0: speech, noise, "
            "level");
  EXPECT_EQ(planning_error(module, with_output("3")),
            "there is no output 3: the model has 3 outputs, counted from 0: speech, noise, "
            "level");
  EXPECT_SAYS("it needs the whole signal at once", planning_error(module, with_output("level")));
}

TEST(Outputs, AreNestedNames) {
  Random random(base_seed());
  const auto module = scripted(R"(
def forward(self, x):
  return {"a": [x * 2, x * 3], "b": [x * 5]}
)");
  const auto part = [](const IValue& result) {
    return result.toGenericDict().at("a").toTensorVector()[1];
  };
  for (const std::string output : {"a.1", "1"})
    expect_called(*planned(module, with_output(output)),
                  called(module, "forward", signal_only, part), random);
}

TEST(Outputs, HaveTheNamesOfTheOptions) {
  Random random(base_seed());
  const auto module = scripted("def forward(self, x):\n  return x * 2, x * 3, x * 4");
  const auto part = [](const IValue& result) {
    return result.toTupleRef().elements()[1].toTensor();
  };
  expect_called(*planned(module, with_output("mask", {"audio", "mask"})),
                called(module, "forward", signal_only, part), random);
  EXPECT_EQ(planning_error(module, with_output("voice", {"audio", "mask"})),
            "there is no output 'voice': the model has 3 outputs, counted from 0: audio, mask, "
            "2");
  EXPECT_EQ(planning_error(module, with_output("voice")),
            "there is no output 'voice': the model has 3 outputs, counted from 0");
}

// TorchScript source in a string cannot define a named tuple.
TEST(Outputs, AreFieldsOfNamedTuples) {
  const auto type = c10::TupleType::createNamed(
      c10::QualifiedName("__torch__.Result"), std::vector<std::string>{"audio", "masks"},
      {c10::TensorType::get(), c10::ListType::ofTensors()});
  const auto tuple = c10::ivalue::Tuple::createNamed(
      {torch::zeros({1}), c10::List<Tensor>({torch::zeros({2}), torch::zeros({3})})}, type);
  std::vector<std::string> names;
  for (const auto& [name, value] : graph::named_outputs(graph::Value(IValue(tuple)), type, 1))
    names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"audio", "masks.0", "masks.1"}));
  EXPECT_EQ(graph::output_index("masks.1", names), 2);
  EXPECT_EQ(graph::output_index("", names), 0);
  EXPECT_THROW(graph::output_index("-1", names), OptionError);
}

}  // namespace
}  // namespace torchstreamer::testing
