// States that a model keeps: what is copied for each stream.
#include "expect_says.h"
#include "lib/blocks/block_rig.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

LoadOptions options_for(const std::string& file) {
  return options_of(calls_of(file == "vad" ? 512 : 4500));
}

// Expects that a module adds up the first frames of its calls, and begins with 0 in each of two
// streams.
void expect_sums(const torch::jit::Module& module) {
  const auto model = block_model(module, options_of(calls_of(4)));
  for (int stream = 0; stream < 2; ++stream)
    expect_same(EngineRun(*model, 1, 0)(torch::ones({1, 8}), {3, 5}),
                torch::tensor({{1.0F}, {2.0F}}));
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
        "[self.sum][0].add_(x[0, 0, 0])", "self.sum[0] = self.sum[0] + x[0, 0, 0]",
        "list: List[Tensor] = []\n  list.append(self.sum)\n  list[0].add_(x[0, 0, 0])",
        "for i in range(2):\n    if i == 0:\n      self.sum.view(1).add_(x[0, 0, 0])"}) {
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

// Operators that may return their input itself, although their schema does not say so.
TEST(BlockStates, CopyTheResultsOfOperators) {
  for (const char* value :
       {"self.sum.type_as(x)", "torch.atleast_2d(self.sum)", "torch.dropout(self.sum, 0.5, False)",
        "torch.einsum('i->i', [self.sum])", "torch.broadcast_tensors([self.sum, self.sum])[0]"}) {
    SCOPED_TRACE(value);
    const auto module = scripted(std::string("def forward(self, x):\n  y = ") + value +
                                     "\n  y.add_(x[0, 0, 0])\n  return y.reshape(1) * 1.0",
                                 {{"sum", torch::zeros({1})}});
    expect_sums(module);
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

// reset() puts an attribute into the list of states.
TEST(BlockStates, CopyTheItemsThatAListGets) {
  for (const char* reset : {"self.cells = [self.zero]", "self.cells[0] = self.zero",
                            "self.cells.clear()\n  self.cells.append(self.zero)"}) {
    SCOPED_TRACE(reset);
    torch::jit::Module module("m");
    module.register_buffer("zero", torch::zeros({1}));
    module.register_attribute("cells", c10::ListType::ofTensors(),
                              c10::List<Tensor>({torch::ones({1})}));
    module.define(std::string("def forward(self, x):\n"
                              "  self.cells[0].add_(x[0, 0, 0])\n"
                              "  return self.cells[0] * 1.0\n"
                              "def reset(self):\n  ") +
                  reset + "\n");
    expect_sums(module);
    EXPECT_EQ(module.attr("zero").toTensor().item<float>(), 0);
  }
}

TEST(BlockStates, ShareWeightsIfTheStateIsOptional) {
  torch::jit::Module module("m");
  module.register_buffer("weight", torch::ones({1}));
  module.register_attribute("h", c10::OptionalType::ofTensor(), torch::zeros({1}));
  module.define(R"(
def forward(self, x):
  h = self.h
  if h is not None:
    h.add_(x[0, 0, 0])
    return h * self.weight
  return x[:, 0, 0]
)");
  const auto model = block_model(module, options_of(calls_of(4)));
  const auto start = [&](const char* name) {
    const torch::jit::Module started(model->first_plan().method()->start_module().toObject());
    return started.attr(name).toTensor();
  };
  EXPECT_TRUE(start("weight").is_same(start("weight")));
  const Tensor h = start("h");
  EXPECT_FALSE(h.is_same(start("h")));
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
  expect_sums(module);
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
      EXPECT_SAYS("call eval() before it is saved", error);
    else
      EXPECT_EQ(error, "");
  }
}

// The mode is that of the layer, not of the whole model.
TEST(BlockStates, RefuseStatisticsOfALayerInTrainingMode) {
  for (const bool is_layer : {true, false}) {
    torch::jit::Module layer("layer"), module("m");
    layer.register_buffer("mean", torch::zeros({1}));
    layer.register_buffer("var", torch::ones({1}));
    layer.register_attribute("training", c10::BoolType::get(), is_layer);
    module.register_attribute("training", c10::BoolType::get(), !is_layer);
    module.register_module("layer", layer);
    module.define(R"(
def forward(self, x):
  if self.layer.training:
    training = True
  else:
    training = self.layer.mean is None
  return torch.batch_norm(x, None, None, self.layer.mean, self.layer.var, training, 0.1, 1e-5,
                          False).mean(2)
)");
    const std::string error = error_of([&] { block_model(module, options_of(calls_of(4))); });
    EXPECT_EQ(error.find("call eval()") != error.npos, is_layer) << error;
  }
}

// Tensors in lists, dictionaries, tuples and arguments, but no weights: 4 bytes for each number,
// and some for the containers.
TEST(BlockStates, CountAllThatAStreamHolds) {
  torch::jit::Module module("m");
  module.register_parameter("weight", torch::ones({5000}), /*is_buffer=*/false);
  module.register_attribute("list", c10::ListType::ofTensors(),
                            c10::List<Tensor>({torch::zeros({1000}), torch::zeros({2000})}));
  module.register_attribute("nested", c10::TupleType::create({c10::TensorType::get()}),
                            c10::ivalue::Tuple::create(torch::zeros({300})));
  module.register_attribute("cache", c10::OptionalType::ofTensor(), IValue());
  module.define(R"(
def forward(self, x, state: Optional[Dict[str, Tensor]] = None):
  self.list[0].add_(x[0, 0, 0])
  self.list[1] = self.list[1] + self.weight[0]
  self.nested = (self.nested[0] + 1.0,)
  self.cache = torch.zeros([4000])[:40]
  y = x.mean(2)
  if state is not None:
    y = y + state['a'][0]
  return y, {'a': torch.zeros([70]), 'b': torch.zeros([8, 10])}
)");
  const auto model = block_model(module, options_of(calls_of(4)));
  EngineRun run(*model, 1, 0);
  const int64_t before_bytes = run.engine().held_bytes();
  EXPECT_LT(before_bytes, 1000);
  run.push(torch::randn({1, 8}), false);
  const int64_t numbers = 1000 + 2000 + 300 + 4000 + 70 + 80;
  const int64_t state_bytes = run.engine().held_bytes() - before_bytes;
  EXPECT_GE(state_bytes, numbers * int64_t{sizeof(float)});
  EXPECT_LT(state_bytes, numbers * int64_t{sizeof(float)} + 1000);
}

}  // namespace
}  // namespace torchstreamer::testing
