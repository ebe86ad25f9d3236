// Handover between two engines, for random chunks, positions and filters. The reference is the
// output of each engine for the whole signal.
#include "engine/handover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "audio/resample_engine.h"
#include "torchstreamer/error.h"

namespace {

int allocations_left = -1;  // number of allocations that succeed; negative: unlimited

}  // namespace

void* operator new(size_t bytes) {
  void* memory = allocations_left == 0 ? nullptr : std::malloc(bytes);
  if (!memory) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace torchstreamer {
namespace {

using Signal = std::vector<float>;

constexpr int kChannels = 2;
constexpr Handover::FrameBytes kFrameBytes{kChannels * sizeof(float), kChannels * sizeof(float)};

struct Rates {
  int in, out;
};

std::unique_ptr<Engine> resampler(Rates rates, int64_t width) {
  audio::ResampleOptions options;
  options.lowpass_filter_width = width;
  return audio::make_resample_engine(rates.in, rates.out, options, audio::SampleFormat{}, kChannels,
                                     true);
}

/// Pushes `frames` frames of `signal`, beginning at `first`, and appends the output to `made`.
void push(Engine* engine, const Signal& signal, int64_t first, int64_t frames, bool final,
          Signal* made) {
  const size_t before = made->size();
  made->resize(before + engine->frames_due(frames, final) * kChannels);
  const void* const in = signal.data() + first * kChannels;
  void* const out = made->data() + before;
  engine->push(&in, frames, final, &out);
}

Signal whole(Engine* engine, const Signal& signal) {
  Signal made;
  push(engine, signal, 0, signal.size() / kChannels, true, &made);
  return made;
}

/// A random signal with the engines `from` and `to` at random rates, and its output so far.
class Scenario {
 public:
  explicit Scenario(unsigned seed) : random_(seed) {
    constexpr Rates kRates[] = {{44100, 48000}, {48000, 44100}, {16000, 8000}, {8000, 24000}};
    rates_ = kRates[one_of(4)];
    from_width_ = 1 + one_of(80);
    to_width_ = 1 + one_of(80);
    frames_ = one_of(4000);
    signal_.resize(frames_ * kChannels);
    for (float& sample : signal_) sample = std::uniform_real_distribution<float>(-1, 1)(random_);
  }

  /// Returns a random integer in [0, n).
  int64_t one_of(int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(random_); }

  std::unique_ptr<Engine> from() const { return resampler(rates_, from_width_); }
  std::unique_ptr<Engine> to() const { return resampler(rates_, to_width_); }

  /// Pushes chunks up to input frame `end`.
  void push_to(Engine* engine, int64_t end) {
    while (frame_ < end) {
      const int64_t frames = std::min(end - frame_, one_of(3) ? one_of(200) : one_of(3));
      push(engine, signal_, frame_, frames, false, &made_);
      frame_ += frames;
    }
  }

  /// Starts a handover at a random input frame; its first_frame() is at least `earliest`.
  std::unique_ptr<Handover> start_handover(int64_t earliest) {
    std::unique_ptr<Engine> old = from();
    push_to(old.get(), one_of(frames_ + 1));
    return std::make_unique<Handover>(std::move(old), to(), frame_, earliest, kFrameBytes);
  }

  Rates rates_;
  int64_t from_width_, to_width_, frames_;
  int64_t frame_ = 0;  // number of pushed frames
  Signal signal_, made_;

 private:
  std::mt19937 random_;
};

/// Returns the frames of `from` before `first_frame` and those of `to` from it on; only `from` if
/// the signal ends before it.
Signal joined(const Signal& from, const Signal& to, int64_t first_frame) {
  const size_t first = first_frame * kChannels;
  if (from.size() < first || to.size() <= first) return from;
  Signal made(from.begin(), from.begin() + first);
  made.insert(made.end(), to.begin() + first, to.end());
  return made;
}

TEST(Handover, ContinuesWithTheOutputOfTheNewEngineForTheWholeSignal) {
  int handovers = 0;
  for (unsigned seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Scenario c(seed);
    const auto handover = c.start_handover(c.one_of(5000));
    const int64_t first_frame = handover->first_frame();
    c.push_to(handover.get(), c.frames_);
    push(handover.get(), c.signal_, c.frames_, 0, true, &c.made_);
    const Signal from = whole(c.from().get(), c.signal_), to = whole(c.to().get(), c.signal_);
    const Signal expected = joined(from, to, first_frame);
    ASSERT_EQ(c.made_.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(c.made_[i], expected[i], 1e-6);
    handovers += static_cast<int64_t>(from.size()) > first_frame * kChannels;
    ASSERT_TRUE(handover->is_done());
    ASSERT_EQ(whole(handover.get(), c.signal_), to) << "for the next signal";
  }
  EXPECT_GT(handovers, 100) << "too few signals were long enough";
}

// Engines count frames from their start, handovers from the start of the signal.
TEST(Handover, WorksRepeatedlyInOneSignal) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Scenario c(seed);
    const Signal wholes[] = {whole(c.from().get(), c.signal_), whole(c.to().get(), c.signal_)};
    Signal expected = wholes[0];
    std::unique_ptr<Engine> engine = c.from();
    for (int i = 1;; i ^= 1) {
      c.push_to(engine.get(), std::min(c.frames_, c.frame_ + c.one_of(300)));
      auto handover = std::make_unique<Handover>(std::move(engine), i ? c.to() : c.from(), c.frame_,
                                                 0, kFrameBytes);
      const size_t first = handover->first_frame() * kChannels;
      while (!handover->is_done() && c.frame_ < c.frames_) c.push_to(handover.get(), c.frame_ + 1);
      if (!handover->is_done() || c.frame_ == c.frames_) {
        push(handover.get(), c.signal_, c.frames_, 0, true, &c.made_);
        if (first < expected.size())
          std::copy(wholes[i].begin() + first, wholes[i].end(), expected.begin() + first);
        break;
      }
      std::copy(wholes[i].begin() + first, wholes[i].end(), expected.begin() + first);
      engine = handover->take_engine();
    }
    ASSERT_EQ(c.made_.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(c.made_[i], expected[i], 1e-6);
  }
}

// The latency is that of the engine whose output is used, not the larger one of both.
TEST(Handover, HasTheLatencyOfTheEngineInUse) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Scenario c(seed);
    const auto handover = c.start_handover(0);
    const int64_t first_frame = handover->first_frame();
    const Timing from = c.from()->timing(), to = c.to()->timing();
    while (c.frame_ < c.frames_) {
      c.push_to(handover.get(), c.frame_ + 1);
      const int64_t made = c.made_.size() / kChannels;
      const int64_t of_from = from.frames_out(c.frame_, false);
      const int64_t of_to = to.frames_out(c.frame_, false);
      ASSERT_EQ(made, of_from < first_frame ? of_from : std::max(first_frame, of_to));
      ASSERT_EQ(handover->is_done(), of_from >= first_frame && of_to > first_frame);
    }
    const Rational ahead = handover->timing().look_ahead_frames();
    ASSERT_EQ(ahead, std::max(from.look_ahead_frames(), to.look_ahead_frames()));
  }
}

TEST(Handover, TakesPlaceAsSoonAsTheNewEngineHasItsReceptiveField) {
  Scenario c(1);
  std::unique_ptr<Engine> old = c.from();
  c.push_to(old.get(), 1000);
  const int64_t earliest = old->frames_out();
  const Timing timing = c.to()->timing();
  const Handover handover(std::move(old), c.to(), 1000, 0, kFrameBytes);
  const int64_t first_frame = handover.first_frame();
  EXPECT_GE(first_frame, earliest);
  EXPECT_LE(first_frame * c.rates_.in / c.rates_.out, 1000 + Handover::warm_up_frames(timing));
}

TEST(Handover, AResetContinuesWithTheNewEngine) {
  Scenario c(2);
  const auto handover = c.start_handover(0);
  handover->reset();
  EXPECT_TRUE(handover->is_done());
  EXPECT_EQ(whole(handover.get(), c.signal_), whole(c.to().get(), c.signal_));
  const std::unique_ptr<Engine> next = handover->take_engine();
  EXPECT_EQ(whole(next.get(), c.signal_), whole(c.to().get(), c.signal_));
}

TEST(Handover, TakesNoEngineIfAnAllocationFails) {
  std::unique_ptr<Engine> from = resampler({44100, 48000}, 6), to = resampler({44100, 48000}, 9);
  int failures = 0;
  for (bool is_made = false; !is_made; ++failures) {
    ASSERT_LT(failures, 1000);
    ASSERT_TRUE(from && to);
    allocations_left = failures;
    try {
      const Handover handover(std::move(from), std::move(to), 0, 0, kFrameBytes);
      is_made = true;
    } catch (const std::bad_alloc&) {
    }
    allocations_left = -1;
  }
  EXPECT_GT(failures, 5) << "too few allocations were tested";
  EXPECT_FALSE(from || to);
}

TEST(Handover, RefusesADifferentRateAndTakesNoEngine) {
  std::unique_ptr<Engine> from = resampler({44100, 48000}, 6), to = resampler({44100, 32000}, 6);
  EXPECT_THROW(Handover(std::move(from), std::move(to), 0, 0, kFrameBytes), Error);
  EXPECT_TRUE(from && to);
}

// The reference for settling_frames() is the last output frame that depends on frames before the
// signal.
TEST(Timing, SettlingFramesEqualBruteForce) {
  const Timing timings[] = {
      Timing::pointwise(),
      Timing::window(7, 3),
      Timing::pad(5, 5),
      Timing::pad(5, 5).then(Timing::window(11, 4)),
      Timing::overlap_add(9, 4),
      Timing::overlap_add(2, 5).then(Timing::pad(3, 0)),
      Timing::pad(9, 0).then(Timing::overlap_add(7, 3)).then(Timing::window(5, 2)),
      resampler({44100, 48000}, 6)->timing(),
      resampler({48000, 11025}, 64)->timing()};
  for (const Timing& timing : timings) {
    int64_t settled = 0;
    for (int64_t t = 0; t < 5000; ++t)
      if (timing.depends({t, t}).first < 0) settled = t + 1;
    EXPECT_EQ(timing.settling_frames(), settled);
  }
}

}  // namespace
}  // namespace torchstreamer
