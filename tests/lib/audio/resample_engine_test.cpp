// Compares the engine of the resampler with the resampler.
#include <gtest/gtest.h>

#include "audio/resample_engine.h"
#include "lib/audio/format_cases.h"
#include "lib/audio/resample_cases.h"
#include "lib/support/processor.h"
#include "torchstreamer/error.h"

namespace torchstreamer::audio {
namespace {

/// Pushes interleaved bytes through an engine, in chunks and at addresses of any alignment.
std::vector<uint8_t> run_engine(Engine& engine, const std::vector<uint8_t>& in,
                                int64_t sample_bytes, int64_t channels, bool interleaved,
                                Random& random) {
  const int64_t planes = interleaved ? 1 : channels;
  const int64_t unit_bytes = sample_bytes * channels / planes;  // size of one frame in one plane
  const int64_t frames = in.size() / (sample_bytes * channels);
  std::vector<uint8_t> out;
  for (int64_t done = 0; done <= frames;) {
    const int64_t chunk = random.integer(0, frames - done);
    const bool final = done + chunk == frames;
    const int64_t due = engine.frames_due(chunk, final);
    std::vector<std::vector<uint8_t>> in_planes(planes), out_planes(planes);
    std::vector<const void*> in_pointers;
    std::vector<void*> out_pointers;
    const int64_t offset = random.integer(0, 1);
    for (int64_t p = 0; p < planes; ++p) {
      in_planes[p].resize(offset + chunk * unit_bytes);
      for (int64_t f = 0; f < chunk; ++f)
        std::copy_n(&in[((done + f) * planes + p) * unit_bytes], unit_bytes,
                    &in_planes[p][offset + f * unit_bytes]);
      out_planes[p].resize(offset + due * unit_bytes);
      in_pointers.push_back(in_planes[p].data() + offset);
      out_pointers.push_back(out_planes[p].data() + offset);
    }
    engine.push(in_pointers.data(), chunk, final, out_pointers.data());
    for (int64_t f = 0; f < due; ++f)
      for (int64_t p = 0; p < planes; ++p)
        out.insert(out.end(), out_planes[p].begin() + offset + f * unit_bytes,
                   out_planes[p].begin() + offset + (f + 1) * unit_bytes);
    done += chunk;
    if (final) break;
  }
  return out;
}

template <class T>
std::vector<uint8_t> expected_bytes(const Conversion& s, const SampleFormat& format,
                                    int64_t channels, const std::vector<uint8_t>& in) {
  Resampler<T> resampler(make_filter<T>(s), channels);
  return encode(format, stream(resampler, decode<T>(format, in), channels, [] { return 1000; }));
}

TEST(ResampleEngine, EveryFormatAndLayoutEqualsTheResampler) {
  unsigned seed = 0;
  for (const FormatCase& c : all_formats())
    for (bool interleaved : {true, false})
      for (int channels : {1, 2, 6}) {
        Random random(seed++);
        SCOPED_TRACE(text(c) + (interleaved ? " interleaved" : " planar"));
        const Conversion s{random.one_of<int64_t>({44100, 16000, 48000}), 32000, {}};
        const auto x = encode(c.format, random.signal<double>(random.integer(0, 700) * channels));
        auto engine = make_resample_engine(s.source_hz, s.target_hz, s.options, c.format, channels,
                                           interleaved);
        const auto expected = needs_double(c.format)
                                  ? expected_bytes<double>(s, c.format, channels, x)
                                  : expected_bytes<float>(s, c.format, channels, x);
        for (int round = 0; round < 2; ++round)
          EXPECT_EQ(run_engine(*engine, x, c.format.bytes(), channels, interleaved, random),
                    expected);
      }
}

TEST(ResampleEngine, EveryProcessorHasTheSameBits) {
  unsigned seed = 0;
  for (const FormatCase& c : all_formats())
    for (int channels : {1, 2, 3, 6})
      for (int width : {6, 33}) {
        SCOPED_TRACE(text(c) + ", " + std::to_string(channels) + " channels");
        Random random(++seed);
        const auto source_hz = random.one_of<int64_t>({48000, 48000, 250007});
        const auto target_hz = random.one_of<int64_t>({44100, 32000, 8000});
        auto x = random.signal<double>(1500 * channels);
        if (c.format.is_float) x[1000] = std::numeric_limits<double>::infinity();
        const auto bytes = encode(c.format, x);
        std::vector<uint8_t> expected;
        for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
          pretend_processor(left & -left);
          auto engine =
              make_resample_engine(source_hz, target_hz, {kHann, width}, c.format, channels,
                                   /*interleaved=*/true);
          const auto y = run_engine(*engine, bytes, c.format.bytes(), channels, true, random);
          if (expected.empty()) expected = y;
          EXPECT_EQ(y, expected) << hwy::TargetName(left & -left);
          pretend_processor(0);
        }
      }
}

TEST(ResampleEngine, EqualRatesCopyBytes) {
  Random random(3);
  for (const FormatCase& c : all_formats()) {
    std::vector<uint8_t> x(c.format.bytes() * 2 * 100);
    for (uint8_t& byte : x) byte = static_cast<uint8_t>(random.integer(0, 255));
    for (bool interleaved : {true, false}) {
      auto engine = make_resample_engine(8000, 8000, {}, c.format, 2, interleaved);
      EXPECT_EQ(run_engine(*engine, x, c.format.bytes(), 2, interleaved, random), x) << text(c);
    }
  }
}

TEST(ResampleEngine, BadArgumentsAreErrors) {
  EXPECT_THROW(make_resample_engine(8000, 0, {}, {}, 1, true), Error);
  EXPECT_THROW(make_resample_engine(8000, 16000, {}, {}, 0, true), Error);
  EXPECT_THROW(make_resample_engine(8000, 16000, {}, {12, 12, false}, 1, true), Error);
}

}  // namespace
}  // namespace torchstreamer::audio
