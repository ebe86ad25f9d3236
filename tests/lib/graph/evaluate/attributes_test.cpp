// Attributes that forward() writes. Each call starts with the attributes as they were saved.
#include "lib/graph/rules/rates_source.h"
#include "lib/support/error_of.h"

namespace torchstreamer::testing {
namespace {

// A module with attributes of many types, and this body of forward().
torch::jit::Module module_of(const std::string& body, at::ScalarType dtype) {
  torch::manual_seed(base_seed());
  torch::jit::Module module("m");
  const Tensor state = torch::randn({1, 2, 2}, dtype);
  module.register_buffer("state", state);
  module.register_buffer("same_state", state);
  module.register_buffer("gains", torch::rand({1, 2, 1}, dtype) + 0.5);
  module.register_buffer("empty", torch::empty({0}, dtype));
  module.register_buffer("calls", torch::zeros({}, torch::kLong));
  module.register_attribute("count", c10::IntType::get(), 0);
  module.register_attribute("peak", c10::FloatType::get(), 0.0);
  module.register_attribute("is_first", c10::BoolType::get(), true);
  module.register_attribute("text", c10::StringType::get(), std::string("a"));
  module.register_attribute("maybe", c10::OptionalType::create(c10::TensorType::get()),
                            c10::IValue());
  module.register_attribute("states", c10::ListType::ofTensors(),
                            std::vector<Tensor>{state + 1, state + 2});
  module.register_attribute("levels", c10::ListType::ofFloats(), c10::List<double>());
  c10::Dict<std::string, Tensor> named;
  named.insert("a", state + 3);
  module.register_attribute(
      "named", c10::DictType::create(c10::StringType::get(), c10::TensorType::get()), named);
  std::string source = "def forward(self, x):\n  ";
  for (const char c : body) source += c == '\n' ? "\n  " : std::string(1, c);
  module.define(source + "\n");
  module.eval();
  return module;
}

struct Body {
  const char* name;
  const char* lines;
};

void PrintTo(const Body& body, std::ostream* out) { *out << body.lines; }

std::string name_of_body(const ::testing::TestParamInfo<Body>& info) { return info.param.name; }

class Attributes : public ::testing::TestWithParam<Body> {};

TEST_P(Attributes, StreamEqualsTheModel) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    SCOPED_TRACE(::testing::Message() << GetParam().lines << "\n" << dtype);
    Random random(base_seed());
    ScriptedStream model(module_of(GetParam().lines, dtype), 2);
    expect_streams(model, random, 4);
    EXPECT_EQ(model.module.attr("count").toInt(), 0);
    EXPECT_EQ(model.module.attr("calls").toTensor().item<int64_t>(), 0);
    EXPECT_EQ(model.module.attr("states").toTensorVector().size(), 2u);
  }
}

const Body kUnread[] = {
    {"counter", "self.count = self.count + 1\nreturn x * 2.0"},
    {"counter_in_place", "self.calls.add_(1)\nreturn x * 2.0"},
    {"state",
     "z = torch.cat([self.state, x], 2)\nself.state = z[:, :, -2:]\n"
     "return z[:, :, :-2] + x"},
    {"state_in_place",
     "z = torch.cat([self.state, x], 2)\nself.state.copy_(z[:, :, -2:])\n"
     "return z[:, :, :-2] + x"},
    {"state_slice",
     "z = torch.cat([self.state, x], 2)\nself.state[:] = z[:, :, -2:]\n"
     "self.state[0, 0, 0] = 5.0\nreturn z[:, :, :-2]"},
    {"list",
     "for i in range(len(self.states)):\n  z = torch.cat([self.states[i], x], 2)\n"
     "  self.states[i] = z[:, :, -2:]\n  x = z[:, :, :-2] * 0.5\nreturn x"},
    {"new_list",
     "l: List[Tensor] = []\nfor s in self.states:\n  z = torch.cat([s, x], 2)\n"
     "  l.append(z[:, :, -2:])\n  x = z[:, :, :-2] * 0.5\nself.states = l\nreturn x"},
    {"dictionary",
     "z = torch.cat([self.named['a'], x], 2)\nself.named['a'] = z[:, :, -2:]\n"
     "self.named['b'] = x\nreturn z[:, :, :-2]"},
    {"optional",
     "s = self.maybe\nif s is None:\n  s = torch.zeros([1, 2, 2], dtype=x.dtype)\n"
     "z = torch.cat([s, x], 2)\nself.maybe = z[:, :, -2:]\nreturn z[:, :, :-2]"},
    {"length", "self.count = self.count + x.size(2)\nreturn x * 2.0"},
    {"samples", "self.peak = float(x.abs().max())\nself.gains = x.abs().max()\nreturn x * 2.0"},
    {"history", "self.levels.append(float(x.abs().max()))\nreturn x * 2.0"},
    {"mean", "self.gains.mul_(0.9).add_(x.mean(2, keepdim=True))\nreturn x * 2.0"},
    {"text", "self.text = self.text + 'b'\nreturn x * 2.0"},
    {"first_call", "if self.is_first:\n  self.is_first = False\n  return x\nreturn x * 2.0"},
};
INSTANTIATE_TEST_SUITE_P(Unread, Attributes, ::testing::ValuesIn(kUnread), name_of_body);

const Body kRead[] = {
    {"counter", "self.count = self.count + 1\nreturn x * float(self.count)"},
    {"counter_in_place", "self.calls.add_(1)\nself.calls.mul_(3)\nreturn x * self.calls"},
    {"signal", "self.gains = x * 2.0\nreturn self.gains + x"},
    {"signal_in_place",
     "self.gains = x * 2.0\nself.gains += x\nself.gains[:, 0] = 0.5\n"
     "return self.gains"},
    {"loop",
     "self.gains = torch.zeros([1, 2, 1], dtype=x.dtype)\nfor i in range(3):\n"
     "  self.gains = self.gains + x * float(i)\nreturn self.gains"},
    {"branch",
     "if self.is_first:\n  self.gains = x * 2.0\n  self.is_first = False\n"
     "if not self.is_first:\n  return self.gains\nreturn x"},
    {"cleared", "self.states.clear()\nself.states.append(x * 3.0)\nreturn x + self.states[0]"},
    {"dictionary", "self.named['b'] = x * 3.0\nreturn x + self.named['b']"},
    {"zeroed", "self.state.zero_()\nreturn torch.cat([self.state, x], 2)"},
    {"part", "self.state[:, 0] = 1.0\nreturn torch.cat([self.state, x], 2)"},
    {"older_view", "a = self.gains[:, 0]\nself.gains.mul_(3.0)\nreturn x * a"},
    {"two_names", "self.state.mul_(3.0)\nreturn torch.cat([self.same_state, x], 2)"},
    {"made_on_demand",
     "if self.empty.numel() == 0:\n  self.empty = self.gains * 2.0\n"
     "return x * self.empty"},
    {"length",
     "self.count = x.size(2)\nreturn torch.constant_pad_nd(x, [0, 3])[:, :, :self.count]"},
};
INSTANTIATE_TEST_SUITE_P(Read, Attributes, ::testing::ValuesIn(kRead), name_of_body);

TEST(AttributeRefusals, AreReportedIfTheAttributeIsRead) {
  const auto refusal_of = [](const std::string& body) {
    return error_of<Refusal>([&] { ScriptedStream model(module_of(body, at::kFloat), 2); });
  };
  EXPECT_PRED_FORMAT2(
      ::testing::IsSubstring, "aten::mean",
      refusal_of("self.gains.add_(x.mean(2, keepdim=True))\nreturn x * self.gains"));
  EXPECT_PRED_FORMAT2(
      ::testing::IsSubstring, "aten::copy_",
      refusal_of("self.state.copy_(x[:, :, -2:])\nreturn x * self.state[:, :, :1]"));
}

// The model that a plan is compared with, too, starts each call with the saved attributes.
TEST(Attributes, AreTheSameForEachOfflineCall) {
  const graph::ScriptModel model(
      module_of("self.calls.add_(1)\nself.count = self.count + 1\nself.states.append(x)\n"
                "return x * self.calls * float(self.count + len(self.states))",
                at::kFloat),
      at::kCPU);
  const graph::OfflineRule offline = model.offline_rule({});
  const Tensor x = torch::randn({2, 7});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(offline(x).equal(x * 4));
}

}  // namespace
}  // namespace torchstreamer::testing
