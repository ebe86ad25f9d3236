// Slices, padding and constants.
#include <c10/util/StringUtil.h>

#include "expect_says.h"
#include "lib/graph/rules/rates_source.h"

namespace torchstreamer::testing {
namespace {

TEST(Slices, OfTime) {
  for (const char* slice :
       {":7", ":1", "3:9", "5:", ":-4", "4:-3", "-6:", "-6:-2", "-1:", "2:9:3", "::3", "1::2",
        "-7::2", "9:3", "-2:-5", "2:x.size(2)", ":x.size(2) // 4 * 4", ":100000"}) {
    // Slices that are always empty are refused.
    const std::string text = slice;
    const std::string model = returning("x[:, :, " + text + "]");
    if (text == "9:3" || text == "-2:-5") {
      expect_refused(model, {"its output has no frames"});
      continue;
    }
    expect_short(model, 24);
    expect_source(model);
  }
  expect_source(returning("torch.cat([x[:, :, :5], x[:, :, :5] * 2.0], 1)"));
  expect_source(returning("x[:, :, -5:] + (x * 2.0)[:, :, -5:]"));
}

// For short signals the computed index is negative and therefore counts from the end.
TEST(Slices, WithComputedIndices) {
  for (const char* expression :
       {"x[:, :, :x.size(2) - 3]", "x[:, :, x.size(2) - 5:]",
        "x[:, :, x.size(2) - 5:x.size(2) - 1]", "torch.narrow(x, 2, 0, x.size(2) - 3)",
        "torch.narrow(x, 2, 2, x.size(2) - 4)", "torch.narrow(x, 2, x.size(2) - 5, 5)",
        "torch.narrow(x, 2, 1, 4)"}) {
    SCOPED_TRACE(expression);
    ScriptedStream model(scripted(returning(expression)));
    for (int64_t frames = 1; frames < 40; ++frames) {
      SCOPED_TRACE(frames);
      Random random(base_seed() + frames);
      try {
        expect_equal(*model.stream, model.offline(), model.signal(frames),
                     random_chunks(random, frames));
      } catch (const Error& e) {
        EXPECT_LT(frames, 5);
        EXPECT_SAYS("frames would work", e.what());
      }
    }
  }
}

TEST(Slices, ThatAreRefused) {
  expect_refused(returning("x[:, :, x.size(2) // 2:]"), {"aten::slice", "starts at a time"});
  expect_refused(returning("x[:, :, :x.size(2) // 2]"), {"aten::slice", "grows with the signal"});
  expect_refused(returning("x[:, :, -5:9000]"), {"aten::slice", "starts at a time"});
  expect_refused(returning("x[:, :, 3].unsqueeze(2)"), {"aten::select", "x[..., n : n + 1]"});
}

// A stream may run for months, so frames after the end of a slice are dropped.
TEST(Slices, KeepNoFramesAfterTheirEnd) {
  ScriptedStream model(scripted(returning("x[:, :, 2:9]")));
  const Tensor x = model.signal(40);
  const auto y = model.stream->forward(x);
  ASSERT_TRUE(y);
  EXPECT_TRUE(y->equal(x.slice(1, 2, 9)));
  EXPECT_FALSE(model.stream->forward(x));
  EXPECT_FALSE(model.stream->forward(x, true));
  EXPECT_EQ(model.stream->forward(x, true)->size(1), 7);
}

TEST(Slices, PositiveAndNegativePadding) {
  for (const char* mode : {"constant_pad_nd", "reflection_pad1d", "replication_pad1d"})
    for (const int64_t left : {-3, -1, 0, 1, 4})
      for (const int64_t right : {-3, -1, 0, 1, 4}) {
        const bool is_constant = std::string(mode) == "constant_pad_nd";
        const std::string model = returning(c10::str("torch.", mode, "(x, [", left, ", ", right,
                                                     "]", is_constant ? ", 0.5" : "", ")"));
        expect_short(model, 12);
        expect_source(model, 2, 2);
      }
}

// Images with time as one axis, padded on both axes in one call.
TEST(Slices, PaddingOfTimeAndADifferentAxis) {
  const char* image = "def forward(self, x):\n  x = x.reshape([1, 2, 4, x.size(-1)])\n";
  for (const char* padding :
       {"[3, 1, 2, 0], 'constant', 0.5", "[2, 0, 1, 2], 'reflect'", "[0, 2, 2, 1], 'replicate'",
        "[-1, 2, 2, -1], 'constant', 0.0", "[0, 0, 1, 1, 2, 0], 'constant', 1.0"})
    for (const bool time_first : {false, true})
      expect_source(
          c10::str(image, time_first ? "  x = x.transpose(2, 3)\n" : "", "  x = torch.pad(x, ",
                   padding, ")\n", time_first ? "  x = x.transpose(2, 3)\n" : "",
                   "  return x.flatten(1, 2)"),
          8);
}

// Padding also applies to a signal without frames if the module accepts it.
TEST(Slices, PaddingOfAnEmptySignal) {
  for (const char* expression :
       {"torch.constant_pad_nd(x[:, :, 5:], [4, 0], 0.5)",
        "torch.constant_pad_nd(x[:, :, 5:], [0, 3], 0.5)",
        "torch.constant_pad_nd(x[:, :, 5:], [2, 3], 0.5) * 2.0",
        "torch.constant_pad_nd(x[:, :, 5:], [-2, 3], 0.5)",
        "torch.constant_pad_nd(torch.conv1d(x, torch.ones([2, 2, 4], dtype=x.dtype)), [4, 0], 0.5)",
        "torch.constant_pad_nd(torch.conv1d(x, torch.ones([2, 2, 4], dtype=x.dtype))[:, :, 3:], "
        "[4, 0], 0.5)",
        "torch.constant_pad_nd(torch.reflection_pad1d(x, [2, 1])[:, :, 9:], [1, 1], 0.5)",
        "torch.constant_pad_nd(x, [0, (-x.size(2)) % 8], 0.5)",
        "torch.conv1d(torch.constant_pad_nd(x[:, :, 7:], [3, 0], 0.5), torch.ones([2, 2, 3], "
        "dtype=x.dtype))"}) {
    expect_short(returning(expression), 20);
    expect_source(returning(expression), 2, 4);
  }
  expect_short(returning("torch.constant_pad_nd(x[:, :, :-5], [4, 1], 0.5)"), 20);
}

TEST(Slices, PaddingThatIsRefused) {
  expect_refused(returning("torch.constant_pad_nd(x, [(-x.size(2)) % 8, 0], 0.0)"),
                 {"left padding depends on the length", "pad at the right only"});
}

TEST(Slices, ConstantsBeforeAndAfterTheSignal) {
  const std::map<std::string, Tensor> weights = {{"head", torch::rand({1, 2, 5})},
                                                 {"tail", torch::rand({1, 2, 3})}};
  for (const char* list :
       {"[self.head, x]", "[x, self.tail]", "[self.head, x, self.tail]",
        "[self.head, self.tail, x, self.head * 2.0]", "[torch.zeros([x.size(0), x.size(1), 4]), x]",
        "[torch.empty([0]), x, self.tail]", "[self.head, x[:, :, 6:], self.tail]",
        "[torch.zeros_like(self.head), x]"})
    for (const char* call : {"torch.cat(", "torch.concat("})
      expect_source(returning(call + std::string(list) + ", 2)"), 2, 4, weights);
  expect_short(returning("torch.cat([torch.ones([1, 2, 3]), x[:, :, 6:]], -1)"), 12);
  expect_source(returning("torch.cat([x, x * 2.0], 1)"));
  expect_source(returning("torch.cat([x[:, :, :1], x[:, :, 1:] - 0.9 * x[:, :, :-1]], 2)"));
  expect_source(returning("torch.cat([x[:, :, :3], x[:, :, 2:4] * 2.0, x], 2)"));
  expect_source(returning("torch.cat([x, torch.full([1, 2, (-x.size(2)) % 8], 0.5)], 2)"));
  expect_source(returning("torch.diff(x, 1, -1, x[:, :, :1])"));
  expect_refused(returning("torch.cat([x, x * 2.0], 2)"), {"aten::cat", "second of two signals"});
  expect_refused(
      returning(
          "torch.cat([x, torch.arange(x.size(2) % 8).reshape([1, 1, -1]).expand([1, 2, -1])], 2)"),
      {"aten::cat", "torch.nn.functional.pad"});
}

}  // namespace
}  // namespace torchstreamer::testing
