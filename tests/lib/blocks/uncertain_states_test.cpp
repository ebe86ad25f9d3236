// Arguments that may be states, but get their first value in every call or have a wrong one.
#include "expect_says.h"
#include "lib/blocks/block_rig.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

struct Warned {
  const char* source;
  const char* warning;  // a part of the only one; empty if there is none
};

TEST(UncertainStates, AreWarnings) {
  const Warned cases[] = {
      {"def forward(self, x, h: Optional[Tensor] = None, c: Optional[Tensor] = None):\n"
       "  y = x if h is None else x + h\n"
       "  y = y if c is None else y + c\n"
       "  return y, (y, y, y)",
       "'h'"},
      {"def forward(self, x, level: float = 0.5):\n"
       "  return x, level * 0.5 + float(x.max())",
       "the argument 'level' of forward() has its default in every call"},
      {"def forward(self, x, target: float = 0.5):\n"
       "  return x * target, target - float(x.abs().max())",
       "the argument 'target' of forward() has its default in every call"},
      {"def forward(self, x, floor: float = 0.5):\n"
       "  level = float(x.abs().max())\n"
       "  return x * floor, max(floor + 0.5 * level, floor)",
       "the argument 'floor' of forward() has its default in every call"},
      {"def forward(self, x, most: int = 2):\n  return x * most, min(x.size(2) + 1, most)",
       "the argument 'most' of forward() has its default in every call"},
      {"def forward(self, x, is_first: bool = True):\n"
       "  return (x if is_first else x * 2.0), False",
       "the argument 'is_first' of forward() has its default"},
      {"def forward(self, x, state: Optional[Tensor] = None):\n"
       "  r = {'y': x, 'new': x if state is None else x + state}\n"
       "  return r",
       "the argument 'state' of forward() is None in every call"},
      {"def forward(self, x, gain: float = 0.5):\n  return x * gain, gain", ""},
      {"def forward(self, x, size: int = 2):\n  return x * 1.0, 3", ""},
      {"def forward(self, x, mode: str = 'a'):\n  return (x if mode == 'a' else -x), mode", ""},
  };
  for (const Warned& c : cases) {
    SCOPED_TRACE(c.source);
    const auto warnings = block_model(scripted(c.source), options_of(calls_of(4)))->warnings();
    if (*c.warning == 0) {
      EXPECT_TRUE(warnings.empty()) << warnings.front();
    } else {
      ASSERT_FALSE(warnings.empty());
      EXPECT_SAYS(c.warning, warnings.front());
    }
  }
}

TEST(UncertainStates, AreNotArgumentsThatTheUserSets) {
  const auto module = scripted(
      "def forward(self, x, gain: float = 0.5):\n"
      "  y = x * gain\n"
      "  return y, float(y.max())");
  const auto model = block_model(module, options_of(calls_of(4, 0, {{"gain", 2.0}})));
  EXPECT_TRUE(model->warnings().empty());
  EngineRun run(*model, 1, 0);
  const Tensor x = torch::randn({1, 8});
  run.push(x.narrow(1, 0, 4), false);
  run.engine().set_inputs({{"gain", 3.0}});
  run.push(x.narrow(1, 4, 4), true);
  expect_same(run.take(), torch::cat({x.narrow(1, 0, 4) * 2, x.narrow(1, 4, 4) * 3}, 1).t());
}

TEST(UncertainStates, OfWrongShapesAreNamed) {
  const auto module = scripted(
      "def forward(self, x, context: Tensor):\n"
      "  y = torch.cat([context, x], 2)\n"
      "  return y[:, :, 2:] + y[:, :, :4], y[:, :, 4:]");
  const auto error = [&](const std::string& context) {
    return error_of([&] {
      block_model(module, options_of(calls_of(4, 0, {{"context", context}})));
    });
  };
  EXPECT_EQ(error("zeros(1, 1, 2)"), "");
  EXPECT_SAYS("its state 'context' is [2] in the first call", error("zeros(2)"));
  const auto demanding = scripted(
      "def forward(self, x, h: Optional[Tensor] = None):\n"
      "  assert h is not None\n"
      "  return x + h, h");
  EXPECT_SAYS("its state 'h' is None in the first call: if that is wrong, set its shape",
              error_of([&] { block_model(demanding, options_of(calls_of(4))); }));
}

}  // namespace
}  // namespace torchstreamer::testing
