// States of calls: what is copied for each stream, and states that a call returns.
#include "lib/blocks/block_rig.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

LoadOptions options_for(const std::string& file) {
  return options_of(calls_of(file == "vad" ? 512 : 4500));
}

TEST(BlockStates, CopyOnlyTheState) {
  for (const char* file : {"keyword_cells", "vad", "stateful_amp"}) {
    SCOPED_TRACE(file);
    const auto model = block_model(torch::jit::load(block_file(file)), options_for(file));
    const auto weights = [&] {
      std::vector<const void*> data;
      const torch::jit::Module module(model->first_plan().method()->start_module().toObject());
      for (const Tensor& weight : module.parameters()) data.push_back(weight.data_ptr());
      return data;
    };
    EXPECT_FALSE(weights().empty());
    EXPECT_EQ(weights(), weights());
  }
}

TEST(BlockStates, ShareTheWeights) {
  for (const char* file : {"keyword_cells", "vad", "stateful_amp"}) {
    const auto model = load_model(block_file(file), options_for(file));
    EngineRun run(*model, 1, 16000);
    run.push(torch::randn({1, 4500}), false);
    const int64_t queue_bytes = model->window_frames() * int64_t{sizeof(float)};
    EXPECT_GT(run.engine().held_bytes(), queue_bytes) << file;
    EXPECT_LT(run.engine().held_bytes() - queue_bytes, model->weights_bytes()) << file;
  }
}

// Writes that are not to the first argument of an operator, and to items of lists.
TEST(BlockStates, CopyAllThatTheModelWrites) {
  const std::map<std::string, Tensor> weights = {{"sum", torch::zeros({1})}};
  for (const char* write :
       {"torch.add(self.sum, x[0, 0, :1], out=self.sum)", "self.sum += x[0, 0, 0]",
        "[self.sum][0].add_(x[0, 0, 0])", "self.sum[0] = self.sum[0] + x[0, 0, 0]"}) {
    SCOPED_TRACE(write);
    const auto module = scripted(
        std::string("def forward(self, x):\n  ") + write + "\n  return self.sum * 1.0", weights);
    const auto model = block_model(module, options_of(calls_of(4)));
    EngineRun a(*model, 1, 0), b(*model, 1, 0);
    a.push(torch::full({1, 4}, 2.0), false);
    b.push(torch::full({1, 4}, 3.0), false);
    a.push(torch::full({1, 4}, 2.0), false);
    EXPECT_TRUE(a.take().equal(torch::tensor({2.0F, 4.0F}).unsqueeze(1)));
    EXPECT_TRUE(b.take().equal(torch::tensor({3.0F}).unsqueeze(1)));
    EXPECT_EQ(module.attr("sum").toTensor().item<float>(), 0);
  }
}

// reset() gives the state the memory of an attribute that no node writes.
TEST(BlockStates, CopyTheMemoryThatAStateGets) {
  torch::jit::Module module("m");
  module.register_buffer("initial", torch::zeros({1}));
  module.register_buffer("state", torch::ones({1}));
  module.define(R"(
def forward(self, x):
  self.state.add_(x[0, 0, 0])
  return self.state * 1.0
def reset(self):
  self.state = self.initial
)");
  const auto model = block_model(module, options_of(calls_of(4)));
  EngineRun a(*model, 1, 0), b(*model, 1, 0);
  for (int signal = 0; signal < 2; ++signal) {
    a.push(torch::full({1, 4}, 2.0), false);
    b.push(torch::full({1, 4}, 3.0), true);
    a.push(torch::full({1, 4}, 2.0), true);
    EXPECT_TRUE(a.take().equal(torch::tensor({2.0F, 4.0F}).unsqueeze(1)));
    EXPECT_TRUE(b.take().equal(torch::tensor({3.0F}).unsqueeze(1)));
  }
  EXPECT_EQ(module.attr("initial").toTensor().item<float>(), 0);
}

// A write in place to one attribute changes those that are views of the same storage.
TEST(BlockStates, KeepViewsOfOneStorage) {
  for (const char* written : {"left", "whole"}) {
    SCOPED_TRACE(written);
    torch::jit::Module module("m");
    const Tensor numbers = torch::zeros({4});
    module.register_buffer("whole", numbers.view({1, 1, 4}));
    module.register_buffer("left", numbers.slice(0, 0, 2));
    module.register_attribute("parts", c10::ListType::ofTensors(),
                              std::vector<Tensor>{numbers.slice(0, 1, 3)});
    module.define(std::string("def forward(self, x):\n  self.") + written +
                  ".add_(x[0, 0, 0])\n"
                  "  return torch.stack([self.whole[0, 0, 0], self.left[1], self.parts[0][0]])\n");
    const auto model = block_model(module, options_of(calls_of(4)));
    EngineRun a(*model, 1, 0), b(*model, 1, 0);
    for (int signal = 0; signal < 2; ++signal) {
      a.push(torch::full({1, 4}, 2.0), false);
      b.push(torch::full({1, 4}, 3.0), true);
      a.push(torch::full({1, 4}, 2.0), true);
      EXPECT_TRUE(a.take().equal(torch::tensor({2.0F, 4.0F}).unsqueeze(1).expand({2, 3})));
      EXPECT_TRUE(b.take().equal(torch::full({1, 3}, 3.0F)));
    }
    EXPECT_EQ(numbers.sum().item<float>(), 0);
  }
}

// Two attributes are one list: an item that is set in one is set in both.
TEST(BlockStates, KeepListsThatAreShared) {
  torch::jit::Module module("m");
  for (const char* name : {"first", "second"})
    module.register_attribute(name, c10::ListType::ofTensors(),
                              c10::List<Tensor>({torch::zeros({1, 1})}));
  module.define(R"(
def share(self):
  self.second = self.first
def forward(self, x):
  self.first[0] = self.first[0] + x[0, 0, 0]
  return self.second[0] * 1.0
)");
  module.run_method("share");
  const auto model = block_model(module, options_of(calls_of(4)));
  for (int stream = 0; stream < 2; ++stream)
    expect_same(EngineRun(*model, 1, 0)(torch::ones({1, 8}), {3, 5}),
                torch::tensor({{1.0F}, {2.0F}}));
}

// The second output has the type of the argument, but is no state.
TEST(BlockStates, GetNoStateIfTheUserGivesNone) {
  const auto module = scripted(
      "def forward(self, x, gate: Optional[Tensor] = None):\n"
      "  y = x if gate is None else x * gate\n"
      "  return y, x * 0.0");
  const Tensor x = torch::randn({1, 8});
  const auto output = [&](const NamedValues& inputs) {
    const auto model = block_model(module, options_of(calls_of(4, 0, inputs)));
    return EngineRun(*model, 1, 0)(x, {8});
  };
  expect_same(output({{"gate", std::string("None")}}), x.t());
  expect_same(output({}).abs(), torch::cat({x.slice(1, 0, 4), torch::zeros({1, 4})}, 1).t().abs());
}

// The tensor of an argument is written in place, so that the calls of one stream depend on each
// other.
TEST(BlockStates, MayBeInArguments) {
  const auto module = scripted(
      "def forward(self, x, gain: Tensor):\n"
      "  gain.mul_(0.5)\n"
      "  return x.mean(2) * gain");
  const auto model =
      block_model(module, options_of(calls_of(4, 2, {{"gain", std::vector<double>{1.0}}})));
  EXPECT_EQ(model->first_plan().batches().most_rows(), 1);
  for (int signal = 0; signal < 2; ++signal) {
    EngineRun run(*model, 1, 0);
    expect_same(run(torch::ones({1, 8}), {3, 5}), torch::tensor({{0.5F}, {0.25F}, {0.125F}}));
  }
}

TEST(BlockStates, MayBeDictionaries) {
  const auto module = scripted(
      "def forward(self, x, state: Optional[Dict[str, Optional[Tensor]]] = None):\n"
      "  sum = x.sum(2)\n"
      "  if state is not None:\n"
      "    last = state['sum']\n"
      "    if last is not None:\n"
      "      sum = sum + last\n"
      "  new: Dict[str, Optional[Tensor]] = {'sum': sum}\n"
      "  return sum, new");
  const auto model = block_model(module, options_of(calls_of(4)));
  const Tensor x = torch::ones({1, 12});
  expect_same(EngineRun(*model, 1, 0)(x, {5, 7}), torch::tensor({{4.0F}, {8.0F}, {12.0F}}));
}

// The running statistics belong to all streams.
TEST(BlockStates, RefuseStatisticsInTrainingMode) {
  for (const bool is_training : {true, false}) {
    const auto module = scripted(
        std::string("def forward(self, x):\n  return torch.batch_norm(x, None, None, self.mean, "
                    "self.var, ") +
            (is_training ? "True" : "False") + ", 0.1, 1e-5, False).mean(2)",
        {{"mean", torch::zeros({1})}, {"var", torch::ones({1})}});
    const std::string error = error_of([&] { block_model(module, options_of(calls_of(4))); });
    if (is_training)
      EXPECT_PRED_FORMAT2(::testing::IsSubstring, "call eval() before it is saved", error);
    else
      EXPECT_EQ(error, "");
  }
}

TEST(BlockStates, RefuseStatesThatGrow) {
  const auto module = scripted(
      "def forward(self, x, past: Optional[Tensor] = None):\n"
      "  y = x if past is None else torch.cat([past, x], 2)\n"
      "  return x.mean(2), y");
  EXPECT_PRED_FORMAT2(::testing::IsSubstring,
                      "it gets the state 'past' of [1, 1, 4] and returns it of [1, 1, 8]",
                      error_of([&] { block_model(module, options_of(calls_of(4))); }));
}

}  // namespace
}  // namespace torchstreamer::testing
