// Guards that some length of the signal violates are kept, with the longest such length.
#include <gtest/gtest.h>

#include "graph/plan/guard.h"

namespace torchstreamer::graph {
namespace {

constexpr int64_t kShortest = 8192;

std::vector<Guard> decided(std::function<bool(int64_t)> holds, int64_t period_frames) {
  return violated_guards({{std::move(holds), "violated", period_frames, period_frames}}, kShortest);
}

TEST(ViolatedGuards, AGuardThatAlwaysHoldsIsDropped) {
  EXPECT_TRUE(decided([](int64_t) { return true; }, 1).empty());
  EXPECT_TRUE(decided([](int64_t n) { return n / 320 * 320 <= n; }, 320).empty());
}

TEST(ViolatedGuards, TheLongestViolationIsFound) {
  for (const int64_t last : {int64_t{1}, int64_t{2}, int64_t{777}, kShortest - 1}) {
    const auto kept = decided([last](int64_t n) { return n > last; }, 1);
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].longest_frames, last);
  }
  // A single length in the middle.
  const auto kept = decided([](int64_t n) { return n != 5000; }, 1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].longest_frames, 5000);
}

TEST(ViolatedGuards, ViolationsOfLongSignalsHaveNoEnd) {
  const std::vector<std::pair<std::function<bool(int64_t)>, int64_t>> cases = {
      {[](int64_t n) { return n % 16 == 0; }, 16},
      {[](int64_t n) { return n % 1000 != 999; }, 1000},
      {[](int64_t n) { return n < 200000; }, 1},
      {[](int64_t n) { return n < (int64_t{1} << 32); }, 1},
      {[](int64_t n) { return n != kShortest + 3; }, 4},
  };
  for (const auto& [holds, period_frames] : cases) {
    const auto kept = decided(holds, period_frames);
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].longest_frames, Guard::kEndless);
  }
}

TEST(ViolatedGuards, NotableLengthsAreEvaluated) {
  const std::vector<Guard> guards = {{[](int64_t n) { return n != 50000; }, "violated", 1, 1}};
  EXPECT_TRUE(violated_guards(guards, kShortest, {49999, 50001}).empty());
  const auto kept = violated_guards(guards, kShortest, {49999, 50000, 50001});
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].longest_frames, Guard::kEndless);
}

TEST(ViolatedGuards, TheLongestSignalThatHoldsIsFound) {
  const std::tuple<std::function<bool(int64_t)>, int64_t, int64_t> cases[] = {
      {[](int64_t n) { return n <= 48000; }, 1, 48000},
      {[](int64_t n) { return n % 16 == 0 && n <= 1 << 24; }, 16, 1 << 24},
      {[](int64_t n) { return (n + 319) / 320 < 1000; }, 320, 999 * 320},
      {[](int64_t n) { return n % 16 == 0; }, 16, Guard::kEndless},
      {[](int64_t n) { return n > 100; }, 1, Guard::kEndless},
  };
  for (const auto& [holds, period_frames, most_frames] : cases) {
    const auto kept = decided(holds, period_frames);
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].most_frames, most_frames);
  }
}

TEST(ViolatedGuards, AGuardWithoutAPeriodIsKept) {
  const auto kept = decided([](int64_t) { return true; }, 0);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].longest_frames, Guard::kEndless);
}

TEST(ViolatedGuards, AFailureIsAViolation) {
  const auto kept = decided(
      [](int64_t n) {
        if (n < 12) throw std::runtime_error("too short");
        return true;
      },
      1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].longest_frames, 11);
}

TEST(ViolatedGuards, CommonPeriods) {
  EXPECT_EQ(common_period(4, 6), 12);
  EXPECT_EQ(common_period(1, 320), 320);
  EXPECT_EQ(common_period(0, 3), 0);
  EXPECT_EQ(common_period(3, 0), 0);
  EXPECT_EQ(common_period(16381, 16369), 0);  // too long to be tried
}

}  // namespace
}  // namespace torchstreamer::graph
