// Compares the queue of frames with a list of numbers.
#include "frames/queue.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <deque>

#include "lib/support/streaming.h"

namespace torchstreamer::testing {
namespace {

constexpr int64_t kChannels = 3;

/// Frames that count from `first`, [frames, channels].
Tensor counted(int64_t first, int64_t frames) {
  return at::arange(first, first + frames).unsqueeze(1).repeat({1, kChannels});
}

/// A queue beside the numbers that it has to hold.
struct Pair {
  TensorQueue queue;
  std::deque<int64_t> expected;
  int64_t appended = 0, drop_on_arrival = 0;

  void append(int64_t frames) {
    queue.append(counted(appended, frames));
    for (int64_t i = 0; i < frames; ++i, ++appended)
      if (drop_on_arrival > 0)
        --drop_on_arrival;
      else
        expected.push_back(appended);
  }

  void drop(int64_t frames) {
    const auto present = std::min<int64_t>(frames, expected.size());
    expected.erase(expected.begin(), expected.begin() + present);
    drop_on_arrival += frames - present;
    queue.drop(frames);
  }

  void compare() const {
    ASSERT_EQ(queue.frames(), static_cast<int64_t>(expected.size()));
    if (expected.empty()) return;
    const Tensor frames = queue.view(queue.frames());
    const std::vector<int64_t> numbers(expected.begin(), expected.end());
    const Tensor column = at::tensor(numbers).unsqueeze(1);
    ASSERT_TRUE(frames.equal(column.expand({-1, kChannels}))) << frames << "\n" << column;
  }
};

TEST(TensorQueue, HoldsTheFramesOfAList) {
  for (unsigned i = 0; i < 60; ++i) {
    const unsigned seed = base_seed() + i;
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed);
    Random random(seed);
    Pair pair;
    // Long histories of short pushes take the path that moves frames rarely.
    const int64_t kept = random.pick({0, 5, 200}), longest = random.pick({1, 3, 40});
    for (int step = 0; step < 150; ++step) {
      pair.append(random.between(0, longest));
      const auto present = static_cast<int64_t>(pair.expected.size());
      pair.drop(random.between(0, std::max<int64_t>(0, present - kept) + (kept ? 0 : 2)));
      ASSERT_NO_FATAL_FAILURE(pair.compare());
    }
  }
}

TEST(TensorQueue, TakenFramesStayAsTheyAre) {
  TensorQueue queue;
  queue.append(counted(0, 1000));
  const Tensor taken = queue.take(3);
  for (int64_t i = 1000; i < 2000; ++i) queue.append(counted(i, 1));
  EXPECT_TRUE(taken.equal(counted(0, 3)));
  EXPECT_TRUE(queue.view(1997).equal(counted(3, 1997)));
  EXPECT_FALSE(queue.take(0).defined());
}

TEST(TensorQueue, DoesNotKeepMuchMoreThanItsFrames) {
  for (const int64_t history : {1, 100, 5000})
    for (const int64_t chunk : {1, 7, 3000}) {
      TensorQueue queue;
      queue.append(counted(0, history));
      const int64_t bytes = queue.view(history).nbytes();
      for (int64_t n = 0; n < 6000; n += chunk) {
        queue.append(counted(n, chunk));
        queue.drop(chunk);
        ASSERT_LE(queue.held_bytes(), 2 * bytes) << history << " frames, chunks of " << chunk;
      }
    }
}

}  // namespace
}  // namespace torchstreamer::testing
