// The search for the shape of the signal: numbers of channels that cannot matter are not tried.
#include "graph/model/shapes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "network/network.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

struct Shape {
  int64_t channels;
  Layout layout;
};
bool operator==(const Shape& a, const Shape& b) {
  return a.channels == b.channels && a.layout == b.layout;
}
void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.channels << " channels as " << name_of(shape.layout);
}

Attempt failure(const std::string& reason, size_t progress, std::vector<int64_t> wanted = {}) {
  Attempt attempt;
  attempt.error = std::make_exception_ptr(Refusal("aten::op", "", "", reason));
  if (reason.rfind("the model raises", 0) == 0) attempt.cause = Cause::kRaise;
  if (reason.find("given ") == 0) attempt.cause = Cause::kShape;
  attempt.progress = progress;
  attempt.wanted_channels = std::move(wanted);
  return attempt;
}

Attempt success() {
  Attempt attempt;
  attempt.network = std::make_shared<Network>(std::vector<Network::Node>());
  attempt.is_over_time = true;
  return attempt;
}

using PlanOfShape = std::function<Attempt(int64_t channels, Layout layout)>;

struct Result {
  std::vector<Shape> tried;
  int64_t channels;
  std::string refusal;
};

Result search_shapes(const PlanOfShape& plan, const std::vector<int64_t>& likely,
                     int64_t channels = 0) {
  Result result{{}, channels, ""};
  Layout found = Layout::kAuto;
  try {
    plan_for_any_shape(
        [&](int64_t c, Layout layout) {
          result.tried.push_back({c, layout});
          return plan(c, layout);
        },
        result.channels, found, likely);
  } catch (const Error& e) {
    result.refusal = e.what();
  }
  return result;
}

Result search(const std::function<Attempt(int64_t channels)>& plan,
              const std::vector<int64_t>& likely, int64_t channels = 0) {
  return search_shapes([&](int64_t c, Layout) { return plan(c); }, likely, channels);
}

TEST(Shapes, TheSmallestNumberOfChannelsIsFound) {
  const Result result =
      search([](int64_t c) { return c == 2 ? success() : failure(std::to_string(c), 5); }, {64});
  EXPECT_EQ(result.channels, 2);
  EXPECT_EQ(result.tried,
            (std::vector<Shape>{{1, Layout::kBatchChannelsTime}, {2, Layout::kBatchChannelsTime}}));
}

TEST(Shapes, AFailureThatDoesNotDependOnTheChannelsEndsTheSearch) {
  const Result result =
      search([](int64_t) { return failure("it needs the whole signal", 9); }, {512, 256, 161, 64});
  std::vector<Shape> expected;
  for (const Layout layout : kLayouts) {
    expected.push_back({1, layout});
    if (layout != Layout::kTime) expected.push_back({2, layout});
  }
  EXPECT_EQ(result.tried, expected);
  EXPECT_EQ(result.refusal, "aten::op cannot be streamed: it needs the whole signal");
}

TEST(Shapes, ARefusalOfAllShapesNamesThem) {
  const Result result =
      search([](int64_t c) { return failure("given " + std::to_string(c), 3); }, {});
  EXPECT_EQ(result.refusal,
            "aten::op cannot be streamed: given 1; its input was tried as [B, C, T], [C, T], [T], "
            "[B, T, C], [T, B, C], [T, C]");
}

TEST(Shapes, AnExceptionForAllShapesNamesThem) {
  const auto refusal_of = [](Layout other) {
    const auto plan = [other](int64_t, Layout layout) {
      return failure(layout == other ? "given less" : "the model raises ValueError", 3);
    };
    return search_shapes(plan, {}).refusal;
  };
  EXPECT_EQ(refusal_of(Layout::kAuto),
            "aten::op cannot be streamed: the model raises ValueError; its input was tried as "
            "[B, C, T], [C, T], [T], [B, T, C], [T, B, C], [T, C]");
  EXPECT_EQ(refusal_of(Layout::kChannelsTime),
            "aten::op cannot be streamed: the model raises ValueError");
}

// Attempts with other layouts evaluate more nodes, but the model does not accept them, or they are
// later in the order.
TEST(Shapes, TheRefusalIsThatOfTheFirstLayoutThatTheModelAccepts) {
  const Result result = search_shapes(
      [](int64_t, Layout layout) {
        Attempt attempt = layout == Layout::kBatchTimeChannels ? failure("right", 5)
                          : layout == Layout::kTimeChannels    ? failure("later", 7)
                                                               : failure("given less", 9);
        attempt.is_over_time = true;
        return attempt;
      },
      {});
  EXPECT_EQ(result.refusal, "aten::op cannot be streamed: right");
}

TEST(Shapes, ARefusalCountsMoreThanAnEarlierExceptionOfTheModel) {
  for (const size_t progress : {3, 5}) {
    const Result result = search_shapes(
        [progress](int64_t, Layout layout) {
          Attempt attempt = layout == Layout::kBatchChannelsTime
                                ? failure("the model raises ValueError", 4)
                                : failure("refused", progress);
          attempt.is_over_time = true;
          return attempt;
        },
        {});
    EXPECT_EQ(result.refusal.find("ValueError") == std::string::npos, progress == 5);
  }
}

TEST(Shapes, RequestedChannelsAreTriedFirst) {
  const Result result = search(
      [](int64_t c) {
        return c == 40 ? success() : failure("given " + std::to_string(c), 3, {40, 12});
      },
      {512, 40});
  EXPECT_EQ(result.channels, 40);
  EXPECT_EQ(result.tried, (std::vector<Shape>{{1, Layout::kBatchChannelsTime},
                                              {40, Layout::kBatchChannelsTime}}));
}

// Both attempts fail for the same reason; the second one requests other numbers of channels.
TEST(Shapes, EqualFailuresEndTheSearchAfterTheRequestedChannels) {
  const Result result = search(
      [](int64_t c) {
        if (c == 80) return success();
        return failure("mismatch", 4,
                       c == 2 ? std::vector<int64_t>{40, 80} : std::vector<int64_t>());
      },
      {512, 256});
  EXPECT_EQ(result.channels, 80);
  std::vector<Shape> expected;
  for (const int64_t c : {1, 2, 40, 80}) expected.push_back({c, Layout::kBatchChannelsTime});
  EXPECT_EQ(result.tried, expected);
}

TEST(Shapes, AssertionsOfTheModelDoNotEndTheSearch) {
  const Result result = search(
      [](int64_t c) { return c == 80 ? success() : failure("the model raises AssertionError", 4); },
      {512, 80});
  EXPECT_EQ(result.channels, 80);
}

TEST(Shapes, AllAttemptsTogetherAreBounded) {
  std::vector<int64_t> likely;
  for (int64_t c = 3; c < 1000; ++c) likely.push_back(c);
  const Result result =
      search([](int64_t c) { return failure("given " + std::to_string(c), 1000); }, likely);
  EXPECT_LE(result.tried.size(), 16u);
  EXPECT_NE(result.refusal, "");
}

// The channels of [C, T] may be a batch: 64 of them cost as much as 64 attempts.
TEST(Shapes, ManyChannelsAreNotTriedAsABatchAfterLongAttempts) {
  for (const size_t progress : {10, 1000}) {
    const Result result = search(
        [progress](int64_t c) { return failure("given " + std::to_string(c), progress); }, {64});
    const auto is_batch = [](const Shape& tried) {
      return tried == Shape{64, Layout::kChannelsTime};
    };
    EXPECT_EQ(std::count_if(result.tried.begin(), result.tried.end(), is_batch), progress == 10);
    EXPECT_EQ(result.refusal.find("aten::op cannot be streamed: given 1"), 0) << result.refusal;
  }
}

// Given channels are tried in every layout: [C, T] may be the only one that fits.
TEST(Shapes, AGivenNumberOfChannelsIsTriedAsABatch) {
  const auto plan = [](int64_t c, Layout layout) {
    return layout == Layout::kChannelsTime && c == 64 ? success() : failure("given 64", 1000);
  };
  const Result result = search_shapes(plan, {}, 64);
  EXPECT_EQ(result.refusal, "");
  EXPECT_TRUE((result.tried.back() == Shape{64, Layout::kChannelsTime}));
}

TEST(Shapes, AGivenNumberOfChannelsIsTheOnlyOne) {
  const Result result =
      search([](int64_t c) { return failure(std::to_string(c), 5, {7}); }, {64}, 3);
  for (const Shape& tried : result.tried) EXPECT_EQ(tried.channels, 3);
}

// As [T] the signal has one channel.
TEST(Shapes, ALayoutThatIsNotTriedDoesNotReplaceTheRefusal) {
  const Result result = search([](int64_t) { return failure("given 3", 5); }, {}, 3);
  EXPECT_EQ(result.tried.size(), 5);
  EXPECT_EQ(result.refusal.find("aten::op cannot be streamed: given 3"), 0) << result.refusal;
}

}  // namespace
}  // namespace torchstreamer::graph
