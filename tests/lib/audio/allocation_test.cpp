// A running stream does not allocate memory, take locks or make system calls.

#include "lib/support/allocations.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <vector>

#include "audio/resample_engine.h"

namespace torchstreamer {
namespace {

using audio::ResampleOptions;
using audio::SampleFormat;

/// Pushes random chunks through an engine; owns the memory of input and output.
class RandomPushes {
 public:
  RandomPushes(Engine& engine, int channels, int64_t most_frames, bool interleaved)
      : engine_(engine),
        most_frames_(most_frames),
        // A sample of any format has at most 8 bytes.
        in_(channels * most_frames * 8),
        out_(channels * (engine.frames_due(most_frames, true) + 64) * 8) {
    const int planes = interleaved ? 1 : channels;
    for (int p = 0; p < planes; ++p) {
      in_planes_.push_back(in_.data() + in_.size() / planes * p);
      out_planes_.push_back(out_.data() + out_.size() / planes * p);
    }
  }

  void operator()(int count) {
    for (int i = 0; i < count; ++i) {
      const int64_t frames = std::uniform_int_distribution<int64_t>(0, most_frames_)(random_);
      const bool final = i % 16 == 15;
      frames_out_ += engine_.frames_due(frames, final);
      engine_.push(in_planes_.data(), frames, final, out_planes_.data());
    }
  }

  int64_t frames_out() const { return frames_out_; }

 private:
  Engine& engine_;
  int64_t most_frames_;
  std::vector<char> in_, out_;
  std::vector<const void*> in_planes_;
  std::vector<void*> out_planes_;
  std::mt19937 random_;
  int64_t frames_out_ = 0;
};

TEST(Allocations, AreCounted) {
  const Calls calls = count_calls([] {
    delete new std::string(100, 'x');
    std::free(std::malloc(10));
    std::mutex mutex;
    { const std::lock_guard<std::mutex> lock(mutex); }
    const std::unique_lock<std::mutex> trial(mutex, std::try_to_lock);
    std::shared_mutex shared;
    { const std::lock_guard<std::shared_mutex> lock(shared); }
    { const std::shared_lock<std::shared_mutex> lock(shared); }
    { const std::unique_lock<std::shared_mutex> lock(shared, std::try_to_lock); }
    const std::shared_lock<std::shared_mutex> lock(shared, std::try_to_lock);
  });
  EXPECT_EQ(calls.allocations, 3);
  EXPECT_EQ(calls.frees, 3);
  EXPECT_EQ(calls.locks, 6);
  EXPECT_TRUE(calls_the_system([] { getppid(); }));
  EXPECT_FALSE(calls_the_system([] {}));
}

TEST(Allocations, ResamplerMakesNoneWhileStreaming) {
  const SampleFormat formats[] = {{32, 32, true, true, false},  {64, 64, true, true, false},
                                  {16, 16, false, true, false}, {24, 24, false, true, true},
                                  {32, 32, false, true, false}, {8, 8, false, false, false}};
  struct Rates {
    int64_t source_hz, target_hz;
    int width;
  };
  // The coefficients of the last pair are interpolated.
  for (const Rates& r : {Rates{44100, 48000, 6},
                         {48000, 16000, 6},
                         {48000, 44100, 64},
                         {8000, 8000, 6},
                         {1000003, 1000000, 6}})
    for (const SampleFormat& format : formats)
      for (int channels : {1, 2, 3})
        for (bool interleaved : {true, false}) {
          SCOPED_TRACE(std::to_string(r.source_hz) + " -> " + std::to_string(r.target_hz) + ", " +
                       std::to_string(format.depth_bits) + " bits, " + std::to_string(channels) +
                       (interleaved ? " interleaved" : " planar") + " channels");
          ResampleOptions options;
          options.lowpass_filter_width = r.width;
          const auto engine = audio::make_resample_engine(r.source_hz, r.target_hz, options, format,
                                                          channels, interleaved);
          RandomPushes pushes(*engine, channels, 1500, interleaved);
          const Calls calls = count_calls([&] { pushes(32); });
          EXPECT_GT(pushes.frames_out(), 0);
          EXPECT_EQ(calls.allocations, 0);
          EXPECT_EQ(calls.frees, 0);
          EXPECT_EQ(calls.locks, 0);
          EXPECT_FALSE(calls_the_system([&] { pushes(32); }));
        }
}

}  // namespace
}  // namespace torchstreamer
