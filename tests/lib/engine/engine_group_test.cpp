// Pushes from many threads that run together. Needs no model: a run adds up numbers.
#include "engine/engine_group.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

namespace torchstreamer {
namespace {

using namespace std::chrono_literals;

/// A stream whose pushes add numbers.
struct Adder : EngineGroup::Ticket {
  explicit Adder(EngineGroup& group) : Ticket(group) { enter(); }
  int64_t added = 0, sum = 0;
};

/// The streams that run together, and what the runs have seen.
struct Adders {
  std::atomic<int> runs_now{0}, most_runs{0}, most_together{0};

  static void run(const void* kind, EngineGroup::Ticket* const* tickets, int count) noexcept {
    auto& own = *static_cast<Adders*>(const_cast<void*>(kind));
    own.most_runs = std::max<int>(own.most_runs, ++own.runs_now);
    own.most_together = std::max<int>(own.most_together, count);
    for (int t = 0; t < count; ++t) {
      auto& adder = *static_cast<Adder*>(tickets[t]);
      adder.sum += adder.added;
    }
    --own.runs_now;
  }
  void push(EngineGroup& group, Adder& adder, int64_t added) {
    adder.added = added;
    group.push(adder, this, run);
  }
};

void run_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (int i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

/// Pushes of streams that start and end at random, of two kinds.
int64_t push_at_random(EngineGroup& group, Adders* kinds, int seed) {
  std::mt19937 random(seed);
  int64_t pushes = 0;
  for (int stream = 0; stream < 12; ++stream) {
    Adder adder(group);
    Adders& kind = kinds[random() % 2];
    int64_t expected = 0;
    for (int i = static_cast<int>(random() % 40); i > 0; --i, ++pushes) {
      if (random() % 16 == 0) std::this_thread::sleep_for(300us);
      const auto added = static_cast<int64_t>(random() % 1000);
      expected += added;
      kind.push(group, adder, added);
      EXPECT_EQ(adder.sum, expected);
    }
  }
  return pushes;
}

TEST(EngineGroups, ProcessEveryPushOnce) {
  for (const int runs : {1, 2, 3})
    for (const int64_t wait_ns : {0, 100'000}) {
      EngineGroup group({wait_ns, runs});
      Adders kinds[2];
      std::atomic<int64_t> pushes{0};
      run_threads(10, [&](int i) { pushes += push_at_random(group, kinds, 10 * runs + i); });
      EXPECT_EQ(group.counts().pushes, pushes);
      EXPECT_LE(group.counts().runs, pushes);
      for (const Adders& kind : kinds) EXPECT_LE(kind.most_runs, runs);
    }
}

TEST(EngineGroups, RunAllThatPush) {
  constexpr int kStreams = 6, kPushes = 30;
  EngineGroup group({/*wait_ns=*/10'000'000'000, /*runs=*/1});
  Adders adders;
  std::vector<std::unique_ptr<Adder>> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(std::make_unique<Adder>(group));
  run_threads(kStreams, [&](int i) {
    for (int push = 0; push < kPushes; ++push) adders.push(group, *streams[i], 1);
  });
  EXPECT_EQ(group.counts().runs, kPushes);
  EXPECT_EQ(adders.most_together, kStreams);
}

// Each run leaves streams for the others.
TEST(EngineGroups, ShareTheStreamsAmongTheRuns) {
  constexpr int kStreams = 8;
  EngineGroup group({/*wait_ns=*/1'000'000, /*runs=*/4});
  Adders adders;
  std::vector<std::unique_ptr<Adder>> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(std::make_unique<Adder>(group));
  run_threads(kStreams, [&](int i) {
    for (int push = 0; push < 50; ++push) adders.push(group, *streams[i], 1);
  });
  EXPECT_LE(adders.most_together, kStreams / 4);
}

TEST(EngineGroups, DoNotWaitLongForEnginesThatDoNotPush) {
  EngineGroup group({/*wait_ns=*/2'000'000, /*runs=*/1});
  Adders adders;
  Adder pushing(group), stuck(group);
  const auto start = std::chrono::steady_clock::now();
  for (int push = 0; push < 5; ++push) adders.push(group, pushing, 1);
  const auto time = std::chrono::steady_clock::now() - start;
  EXPECT_GE(time, 10ms);
  EXPECT_LT(time, 5s);
  EXPECT_EQ(group.counts().runs, 5);
}

TEST(EngineGroups, DoNotWaitForEnginesThatEnd) {
  EngineGroup group({/*wait_ns=*/1'000'000'000'000, /*runs=*/1});
  Adders adders;
  Adder pushing(group);
  auto ending = std::make_unique<Adder>(group);
  std::thread thread([&] { adders.push(group, pushing, 1); });
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(group.counts().pushes, 0);
  ending.reset();
  thread.join();
  EXPECT_EQ(group.counts().pushes, 1);
  adders.push(group, pushing, 1);  // a group of one stream never waits
}

TEST(EngineGroups, WaitOnlyForEnginesInASignal) {
  EngineGroup group({/*wait_ns=*/1'000'000'000'000, /*runs=*/1});
  Adders adders;
  Adder pushing(group), other(group);
  other.leave();  // the end of its signal
  adders.push(group, pushing, 1);
  pushing.leave();
  adders.push(group, other, 1);  // its next signal
  EXPECT_EQ(group.counts().pushes, 2);
}

}  // namespace
}  // namespace torchstreamer
