// Counts of windows against loops that count.
#include "blocks/windows.h"
#include "blocks/batches.h"
#include "lib/support/streaming.h"

namespace torchstreamer::blocks {
namespace {

using testing::base_seed;
using testing::Random;

// Number of output frames of a whole signal, counted window by window.
int64_t counted_frames_out(const Windows& w, int64_t frames, int64_t short_rate) {
  int64_t out = 0, start = 0, covered = 0;
  for (; start + w.window_frames <= frames; start += w.hop_frames) {
    out += w.frames_out;
    covered = start + w.window_frames;
  }
  if (covered == frames || w.tail == Tail::kDrop) return out;
  if (w.tail == Tail::kShort) return out + short_rate * (frames - start);
  // Output frame j of the window belongs to the input from j * hop / frames_out on.
  for (int64_t j = 0; j < w.frames_out; ++j)
    out += j * w.hop_frames < (frames - covered) * w.frames_out;
  return out;
}

TEST(Windows, AreCountedForEveryLength) {
  Random random(base_seed());
  for (int i = 0; i < 200; ++i) {
    Windows w;
    w.window_frames = random.between(1, 20);
    w.hop_frames = random.between(1, w.window_frames);
    w.frames_out = random.between(1, 25);
    w.tail = random.pick({Tail::kPad, Tail::kDrop, Tail::kShort});
    const int64_t short_rate = random.between(1, 3);
    const Timing timing =
        timing_of(w, LengthRule([=](int64_t frames) { return short_rate * frames; }));
    for (int64_t frames = 0; frames < 70; ++frames) {
      EXPECT_EQ(timing.frames_out(frames, true), counted_frames_out(w, frames, short_rate))
          << "window " << w.window_frames << ", hop " << w.hop_frames << ", " << frames
          << " frames, seed " << base_seed();
      const int64_t now = timing.frames_out(frames, false);
      EXPECT_LE(now, timing.frames_out(frames, true));
      if (now > 0) {
        EXPECT_LT(timing.depends({now - 1, now - 1}).last, frames);
      }
      EXPECT_GE(timing.depends({now, now}).last, frames);
    }
  }
}

TEST(Windows, HaveExactTimes) {
  const Timing timing = timing_of({512, 128, Tail::kPad, 3}, 0);
  EXPECT_EQ(timing.rate(), Rational(3, 128));
  EXPECT_EQ(timing.look_ahead_frames(), Rational(511));
  EXPECT_EQ(timing.receptive_field_frames(), 512);
  EXPECT_EQ(timing.settling_frames(), 0);
}

TEST(Batches, ContainEveryWindowOnce) {
  Random random(base_seed());
  for (int i = 0; i < 200; ++i) {
    const int64_t unit_rows = int64_t{1} << random.between(0, 6);
    const Batches batches(unit_rows, static_cast<int>(random.between(1, 4)));
    const int64_t first = random.between(0, 1000), count = random.between(1, 700);
    int64_t window = first;
    while (window < first + count) {
      const Batches::Call call = batches.next(window, first + count - window);
      ASSERT_GT(call.windows, 0);
      EXPECT_EQ(call.first_row % unit_rows, window % unit_rows);
      EXPECT_LE(call.first_row + call.windows, call.rows);
      EXPECT_EQ(call.rows % unit_rows, 0);
      EXPECT_LE(call.rows, batches.most_rows());
      window += call.windows;
    }
    EXPECT_EQ(window, first + count) << "seed " << base_seed();
  }
}

}  // namespace
}  // namespace torchstreamer::blocks
