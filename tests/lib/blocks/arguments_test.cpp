// States that are arguments of a method.
#include "expect_says.h"
#include "lib/blocks/block_rig.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

// The second output has the type of the argument, but is not a state.
TEST(BlockArguments, GetNoStateIfTheUserGivesNone) {
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
TEST(BlockArguments, MayBeInArguments) {
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

// Python also converts a list for each call.
TEST(BlockArguments, AreNotInListsOfArguments) {
  const auto module = scripted(
      "def forward(self, x, list: List[float]):\n"
      "  list.append(1.0)\n"
      "  return x.mean(2) * float(len(list))");
  const auto model =
      block_model(module, options_of(calls_of(4, 0, {{"list", std::vector<double>{0.0}}})));
  expect_same(EngineRun(*model, 1, 0)(torch::ones({1, 12}), {5, 7}), torch::full({3, 1}, 2.0F));
}

TEST(BlockArguments, StayIfOtherInputsChange) {
  const auto module = scripted(
      "def forward(self, x, state: Tensor, gain: float = 1.0):\n"
      "  state.add_(1.0)\n"
      "  return x.mean(2) * gain * state");
  const auto model =
      block_model(module, options_of(calls_of(4, 0, {{"state", std::vector<double>{0.0}}})));
  EngineRun run(*model, 1, 0);
  run.push(torch::ones({1, 8}), false);
  run.engine().set_inputs({{"gain", 10.0}});
  run.push(torch::ones({1, 4}), true);
  expect_same(run.take(), torch::tensor({{1.0F}, {2.0F}, {30.0F}}));
}

TEST(BlockArguments, ThatAreNotReturnedAreWarnings) {
  const auto warnings = [](const char* source) {
    return block_model(scripted(source), options_of(calls_of(4)))->warnings();
  };
  const auto short_of_one = warnings(
      "def forward(self, x, state: Optional[Tuple[Tensor, Tensor]] = None):\n"
      "  y = x if state is None else x + state[0]\n"
      "  return y, x * 2.0");
  ASSERT_EQ(short_of_one.size(), 1u);
  EXPECT_SAYS("the argument 'state' of forward() is None", short_of_one[0]);
  EXPECT_TRUE(
      warnings("def forward(self, x, gain: Optional[float] = None):\n  return x, x").empty());
  EXPECT_TRUE(warnings("def forward(self, x, h: Optional[Tensor] = None):\n  return x, x").empty());
}

TEST(BlockArguments, MayBeDictionaries) {
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

TEST(BlockArguments, RefuseStatesThatGrow) {
  const auto module = scripted(
      "def forward(self, x, past: Optional[Tensor] = None):\n"
      "  y = x if past is None else torch.cat([past, x], 2)\n"
      "  return x.mean(2), y");
  EXPECT_SAYS("it gets the state 'past' of [1, 1, 4] and returns it of [1, 1, 8]",
              error_of([&] { block_model(module, options_of(calls_of(4))); }));
}

}  // namespace
}  // namespace torchstreamer::testing
