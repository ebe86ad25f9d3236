// Attributes that are set before a model is planned.
#include "graph/script/module_attributes.h"

#include "lib/graph/script/called_model.h"

namespace torchstreamer::testing {
namespace {

using c10::IValue;
using Numbers = std::vector<double>;

// An effect with attributes and setters.
torch::jit::Module effect() {
  torch::jit::Module module("m");
  module.register_parameter("weight", torch::randn({1, 1, 3}), false);
  module.register_buffer("level", torch::ones({1}));
  module.register_buffer("window", torch::ones({100}));
  module.register_attribute("gain", c10::FloatType::get(), 1.0);
  module.register_attribute("mode", c10::StringType::get(), "soft");
  module.register_attribute("is_on", c10::BoolType::get(), true);
  module.register_attribute("order", c10::IntType::get(), 1);
  module.register_attribute("range",
                            c10::TupleType::create({c10::FloatType::get(), c10::IntType::get()}),
                            std::tuple(0.0, 1));
  module.register_attribute("taps", c10::ListType::ofFloats(), c10::List<double>({1.0, 2.0}));
  module.define(R"(
def forward(self, x):
  y = torch.conv1d(torch.constant_pad_nd(x, [2, 0]), self.weight) * self.gain * self.level
  if self.is_on and self.mode == "soft":
    y = torch.tanh(y)
  for tap in self.taps:
    y = y + tap
  return y + self.range[0] + self.range[1] + self.order

def set_level(self, level: float) -> int:
  if level < 0.0:
    return -1
  self.level.fill_(level)
  self.taps.append(level)
  return 0

def set_range(self, low: float, high: int):
  assert low <= high, "low is above high"
  self.range = (low, high)

def set_nothing(self):
  self.order = 7
)");
  module.eval();
  return module;
}

LoadOptions with(const NamedValues& attributes) {
  LoadOptions options;
  options.call.attributes = attributes;
  return options;
}

std::vector<IValue> signal_only(const Tensor& x) { return {x}; }

TEST(ModuleAttributes, AreSetBeforePlanning) {
  Random random(base_seed());
  const auto module = effect();
  const auto before = called(module, "forward", signal_only);
  expect_called(*planned(module, {}), before, random);
  const auto stream =
      planned(module, with({{"gain", 0.5}, {"mode", std::string("hard")}, {"order", 3.0}}));
  auto changed = module.deepcopy();
  changed.setattr("gain", 0.5);
  changed.setattr("mode", "hard");
  changed.setattr("order", 3);
  expect_called(*stream, called(changed, "forward", signal_only), random);
  expect_called(*planned(module, {}), before, random);
}

TEST(ModuleAttributes, AreSetByTheirMethods) {
  Random random(base_seed());
  const auto module = effect();
  const auto stream = planned(module, with({{"level", 2.5}, {"range", Numbers{0.25, 2}}}));
  auto changed = module.deepcopy();
  changed.get_method("set_level")({2.5});
  changed.get_method("set_range")({0.25, 2});
  expect_called(*stream, called(changed, "forward", signal_only), random);
  // The module of the caller is not changed.
  EXPECT_EQ(module.attr("level").toTensor().item<float>(), 1);
  EXPECT_EQ(module.attr("taps").toDoubleVector(), (Numbers{1, 2}));
}

TEST(ModuleAttributes, ShareTheWeights) {
  const auto module = effect();
  const auto changed = graph::with_attributes(module, {{"level", 2.0}, {"gain", 0.5}},
                                              at::TensorOptions(at::kFloat));
  EXPECT_EQ(changed.attr("weight").toTensor().data_ptr(),
            module.attr("weight").toTensor().data_ptr());
  EXPECT_EQ(changed.attr("window").toTensor().data_ptr(),
            module.attr("window").toTensor().data_ptr());
  EXPECT_NE(changed.attr("level").toTensor().data_ptr(),
            module.attr("level").toTensor().data_ptr());
}

TEST(ModuleAttributes, ThatCannotBeSetListTheOthers) {
  const auto module = effect();
  const std::string list =
      "; can be set: level: Tensor, gain: float, mode: str, is_on: bool, order: int, range: "
      "Tuple[float, int]";
  const struct {
    NamedValues attributes;
    std::string error;
  } cases[] = {
      {{{"gian", 1.0}}, "the model has no attribute 'gian'" + list},
      {{{"weight", 1.0}},
       "the attribute 'weight' is of type Tensor and the model has no method set_weight() to set "
       "it" +
           list},
      {{{"taps", Numbers{1}}},
       "the attribute 'taps' is of type List[float] and the model has no method set_taps() to set "
       "it" +
           list},
      {{{"gain", std::string("loud")}},
       "the attribute 'gain' is of type float and takes a number, not 'loud'"},
      {{{"level", -1.0}},
       "the attribute 'level' cannot be -1: set_level() of the model returns -1"},
      {{{"range", Numbers{2, 1}}},
       "the attribute 'range' cannot be [2, 1]: AssertionError: low is above high"},
      {{{"range", 1.0}}, "the attribute 'range' takes an array of 2 numbers, not 1"},
      {{{"nothing", 1.0}}, "the model has no attribute 'nothing'" + list},
  };
  for (const auto& [attributes, error] : cases)
    EXPECT_EQ(planning_error(module, with(attributes)), error);
}

TEST(ModuleAttributes, AreListed) {
  std::string list;
  for (const auto& attribute : graph::module_attributes(effect()))
    list += attribute.name + ": " + attribute.type->annotation_str() +
            (attribute.value ? "" : " without a value") +
            (attribute.can_be_set ? "\n" : " fixed\n");
  EXPECT_EQ(list,
            "level: Tensor\n"
            "window: Tensor fixed\n"
            "gain: float\n"
            "mode: str\n"
            "is_on: bool\n"
            "order: int\n"
            "range: Tuple[float, int]\n"
            "taps: List[float] fixed\n");
}

}  // namespace
}  // namespace torchstreamer::testing
