// Planned models with several methods and arguments, compared with the same call by libtorch.
#include <torch/csrc/jit/serialization/import.h>

#include <cmath>

#include "expect_says.h"
#include "graph/model/planned_model.h"
#include "lib/graph/script/called_model.h"
#include "lib/support/error_of.h"

namespace torchstreamer::testing {
namespace {

using c10::IValue;
using Numbers = std::vector<double>;

// An effect with a knob that also returns a level.
const char kKnob[] = R"(
def forward(self, data, gain):
  y = torch.tanh(data * gain[0])
  return y, y.abs().max().reshape(1)
)";

LoadOptions with_inputs(const NamedValues& inputs) {
  LoadOptions options;
  options.call.inputs = inputs;
  return options;
}

Tensor first_of_tuple(const IValue& result) { return result.toTupleRef().elements()[0].toTensor(); }

TEST(Calls, PassTensors) {
  Random random(base_seed());
  const auto module = scripted(kKnob);
  const double gain = 0.25 * static_cast<double>(random.between(1, 16));
  const auto stream = planned(module, with_inputs({{"gain", Numbers{gain}}}));
  const auto values = [gain](const Tensor& x) -> std::vector<IValue> {
    return {x, torch::full({1}, gain, x.options())};
  };
  expect_called(*stream, called(module, "forward", values, first_of_tuple), random);
}

TEST(Calls, OfModelsWithOtherInputsShareTheWeights) {
  const auto module = scripted(kKnob, {{"weight", torch::ones({1})}});
  const auto options = with_inputs({{"gain", Numbers{0.5}}});
  const auto file = std::make_shared<graph::ScriptModel>(module, at::kCPU, options.call);
  const graph::PlannedModel first(file, options);
  const auto other = first.with_inputs({{"gain", Numbers{2}}});
  ASSERT_TRUE(other);
  const std::vector<float> x = {0.25F, -0.5F};
  const auto expect_gain = [&](const Model& model, float gain) {
    const auto engine = model.start(1, 0);
    std::vector<float> y(engine->frames_due(2, true), 0.0F);
    const void* const in = x.data();
    void* const out = y.data();
    engine->push(&in, 2, true, &out);
    ASSERT_EQ(y.size(), 2u);
    for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(y[i], std::tanh(gain * x[i]), 1e-6);
  };
  expect_gain(*other, 2);
  expect_gain(first, 0.5);
  const auto changed = std::dynamic_pointer_cast<const graph::ScriptModel>(
      file->with_inputs({{"gain", Numbers{2}}}));
  ASSERT_TRUE(changed);
  EXPECT_TRUE(
      changed->module().attr("weight").toTensor().is_same(module.attr("weight").toTensor()));
  EXPECT_THROW(first.with_inputs({{"gian", 1.0}}), OptionError);
}

// The knob selects between a stream and a function of the whole signal.
TEST(Calls, OfRefusedInputsShareNothing) {
  const auto module = scripted(
      "def forward(self, x, whole: bool):\n  return x / x.abs().max() if whole else x * 2.0");
  const auto options = with_inputs({{"whole", false}});
  const graph::PlannedModel model(
      std::make_shared<graph::ScriptModel>(module, at::kCPU, options.call), options);
  EXPECT_FALSE(model.with_inputs({{"whole", true}}));
}

TEST(Calls, PassNumbersAndKeepDefaults) {
  Random random(base_seed());
  const auto module = scripted(R"(
def forward(self, x, c: float, mode: str = "soft", taps: List[int] = [1, 2], unused: int = 0):
  if mode == "soft":
    x = torch.tanh(x)
  return x * c + taps[0] + len(taps)
)");
  const auto stream = planned(module, with_inputs({{"c", 0.5}}));
  const auto values = [](const Tensor& x) -> std::vector<IValue> {
    return {x, 0.5, "soft", c10::List<int64_t>({1, 2}), 0};
  };
  expect_called(*stream, called(module, "forward", values), random);
  const auto other = planned(
      module,
      with_inputs({{"c", int64_t{2}}, {"mode", std::string("hard")}, {"taps", Numbers{5}}}));
  const auto other_values = [](const Tensor& x) -> std::vector<IValue> {
    return {x, 2.0, "hard", c10::List<int64_t>({5}), 0};
  };
  expect_called(*other, called(module, "forward", other_values), random);
}

// The signal is not the first argument, and the last one has no effect.
TEST(Calls, FindTheSignal) {
  Random random(base_seed());
  const auto module = scripted(R"(
def forward(self, mode: int, h, x, lengths):
  return torch.conv1d(torch.constant_pad_nd(x, [2, 0]), self.weight) * mode + h.sum()
)",
                               {{"weight", torch::randn({1, 1, 3})}});
  const NamedValues inputs = {{"mode", int64_t{3}}, {"h", std::string("zeros(2, 4)")}};
  const auto values = [](const Tensor& x) -> std::vector<IValue> {
    return {3, torch::zeros({2, 4}), x, torch::zeros({1})};
  };
  expect_called(*planned(module, with_inputs(inputs)), called(module, "forward", values), random);
}

// A call may write to its arguments; the next call must get the original values.
TEST(Calls, PassNewValuesEachTime) {
  Random random(base_seed());
  const auto module = scripted(R"(
def forward(self, x, gain, taps: List[float]):
  gain.mul_(2)
  taps.append(3.0)
  return x * gain + len(taps)
)");
  const NamedValues inputs = {{"gain", Numbers{1.5}}, {"taps", Numbers{1, 2}}};
  const auto values = [](const Tensor& x) -> std::vector<IValue> {
    return {x, torch::full({1}, 1.5, x.options()), c10::List<double>({1, 2})};
  };
  expect_called(*planned(module, with_inputs(inputs)), called(module, "forward", values), random);
  const graph::ScriptModel model(module, at::kCPU, with_inputs(inputs).call);
  const auto offline = model.offline_rule({});
  const Tensor x = torch::randn({1, 30});
  EXPECT_TRUE(offline(x).equal(offline(x)));
}

TEST(Calls, PassStatesInTuples) {
  Random random(base_seed());
  const auto module = scripted(R"(
def forward(self, x, state: Optional[Tuple[Tensor, Tensor]] = None):
  if state is None:
    return x
  h, c = state
  return x * (1 + h.sum()) + c.size(0)
)");
  const auto with = [](const Tensor& x) -> std::vector<IValue> {
    return {x, std::tuple(torch::zeros({2}), torch::zeros({3}))};
  };
  expect_called(*planned(module, with_inputs({{"state", std::string("zeros(2); zeros(3)")}})),
                called(module, "forward", with), random);
  const auto without = [](const Tensor& x) -> std::vector<IValue> { return {x, IValue()}; };
  expect_called(*planned(module, {}), called(module, "forward", without), random);
}

// Methods with the interface of nn~.
const char kMethods[] = R"(
def encode(self, x):
  return torch.avg_pool1d(x, 4)

def decode(self, z, scale: float = 1.0):
  return torch.repeat_interleave(z, 4, dim=2) * scale

def forward(self, x):
  return self.decode(self.encode(x))
)";

TEST(Calls, RunAnyMethod) {
  Random random(base_seed());
  const auto module = scripted(kMethods);
  for (const std::string method : {"", "forward", "encode", "decode"}) {
    SCOPED_TRACE(method);
    LoadOptions options;
    options.call.method = method;
    const auto values = [&](const Tensor& x) -> std::vector<IValue> {
      return method == "decode" ? std::vector<IValue>{x, 1.0} : std::vector<IValue>{x};
    };
    const auto stream = planned(module, options);
    EXPECT_EQ(stream->timing().rate(), method == "encode"   ? Rational(1, 4)
                                       : method == "decode" ? Rational(4)
                                                            : Rational(1));
    expect_called(*stream, called(module, method.empty() ? "forward" : method, values), random);
  }
}

TEST(Calls, OfMissingMethodsListTheOthers) {
  LoadOptions options;
  options.call.method = "enode";
  const std::string error = planning_error(scripted(kMethods), options);
  EXPECT_SAYS("the model has no method 'enode'; it has the methods ", error);
  EXPECT_SAYS("decode(Tensor z, float scale=1.) -> Tensor", error);
}

// Hooks belong to forward() alone.
TEST(Calls, OfOtherMethodsRunNoHooks) {
  torch::jit::Module module = torch::jit::load(std::string(std::getenv("TORCHSTREAMER_MODELS")) +
                                               "/families/context_hooked.script.pt");
  module.define("def plain(self, x):\n  return x * 2\n");
  LoadOptions options;
  options.call.method = "plain";
  Random random(base_seed());
  const auto values = [](const Tensor& x) -> std::vector<IValue> { return {x}; };
  expect_called(*planned(module, options, 0, 2), called(module, "plain", values), random, 2);
}

const char kOnePole[] = R"(
def forward(self, x, sr: int):
  assert sr == 8000 or sr == 16000, "supported rates: 8000, 16000"
  return x * (sr / 8000.0)
)";

TEST(Calls, PassTheRateOfTheSignal) {
  Random random(base_seed());
  const auto module = scripted(kOnePole);
  for (const int64_t rate_hz : {8000, 16000}) {
    const auto values = [=](const Tensor& x) -> std::vector<IValue> { return {x, rate_hz}; };
    expect_called(*planned(module, {}, rate_hz), called(module, "forward", values), random);
  }
  EXPECT_EQ(planning_error(module, {}),
            "forward() takes the sample rate in its argument 'sr', and the rate is not known; set "
            "the argument with inputs");
  EXPECT_SAYS("supported rates: 8000, 16000", planning_error(module, {}, 48000));
  EXPECT_EQ(planning_error(module, with_inputs({{"sr", int64_t{8000}}})), "");
}

// Output of an engine for a whole signal of one channel.
std::vector<float> run_engine(Engine& engine, const std::vector<float>& in) {
  const auto frames = static_cast<int64_t>(in.size());
  std::vector<float> out(static_cast<size_t>(engine.frames_due(frames, true)));
  const void* in_planes[] = {in.data()};
  void* out_planes[] = {out.data()};
  engine.push(in_planes, frames, true, out_planes);
  return out;
}

TEST(Calls, OfModelsPlanForEachRate) {
  const auto file = std::make_shared<graph::ScriptModel>(scripted(kOnePole), at::kCPU);
  const graph::PlannedModel model(file, {});
  EXPECT_EQ(model.channels_out(1), 1);
  const std::vector<float> in = {1, 2, 3};
  EXPECT_EQ(run_engine(*model.start(1, 8000), in), in);
  EXPECT_EQ(run_engine(*model.start(1, 16000), in), (std::vector<float>{2, 4, 6}));
  EXPECT_THROW(model.start(1, 48000), Error);
  EXPECT_THROW(model.start(1, 0), OptionError);
  EXPECT_EQ(run_engine(*model.start(1, 8000), in), in) << "after errors";
}

TEST(Calls, OfModelsUseTheDefaultRateIfNoneIsKnown) {
  const auto file = std::make_shared<graph::ScriptModel>(
      scripted("def forward(self, x, fs: float = 3.0):\n  return x * fs"), at::kCPU);
  const graph::PlannedModel model(file, {});
  EXPECT_EQ(run_engine(*model.start(1), {1, 2}), (std::vector<float>{3, 6}));
  EXPECT_EQ(run_engine(*model.start(1, 5), {1, 2}), (std::vector<float>{5, 10}));
}

// The rate that the file gives is known without the rate of the signal.
TEST(Calls, UseTheRateOfTheModel) {
  torch::jit::Module module("m");
  module.register_attribute("sample_rate", c10::IntType::get(), 16000);
  module.define(kOnePole);
  EXPECT_EQ(planning_error(module, {}), "");
  EXPECT_EQ(planning_error(module, {}, 8000), "");
}

TEST(Calls, OfModelsRequireOneOutputForAllRates) {
  const auto file = std::make_shared<graph::ScriptModel>(
      scripted("def forward(self, x, rate: int):\n  return torch.avg_pool1d(x, rate // 8000)"),
      at::kCPU);
  const graph::PlannedModel model(file, {});
  EXPECT_NE(model.start(1, 48000), nullptr);
  EXPECT_EQ(error_of([&] { model.start(1, 16000); }),
            "the model was planned for 48000 Hz (rate ratio 1/6, output channels: 1) and differs "
            "for 16000 Hz (rate ratio 1/2, output channels: 1); set its argument with inputs");
}

}  // namespace
}  // namespace torchstreamer::testing
