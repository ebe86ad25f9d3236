// tsresample: sample-exact output, timeline, events, caps. The oracle is the engine itself, driven
// without GStreamer; that it equals torchaudio is tested with the library.
#include <gtest/gtest.h>

#include <algorithm>

#include "audio/resample_engine.h"
#include "element_rig.h"
#include "torchstreamer/error.h"

namespace torchstreamer::test {
namespace {

constexpr char kMono[] = "audio/x-raw,format=F32LE,layout=interleaved,channels=1,rate=";
constexpr char kStereo[] = "audio/x-raw,format=S16LE,layout=interleaved,channels=2,rate=";

std::string mono(int rate_hz) { return kMono + std::to_string(rate_hz); }
std::string stereo(int rate_hz) { return kStereo + std::to_string(rate_hz); }
std::string to_rate(int rate_hz) { return "audio/x-raw,rate=" + std::to_string(rate_hz); }

std::unique_ptr<Engine> make_engine(const GstAudioInfo& info, int target_hz,
                                    const audio::ResampleOptions& options = {}) {
  const GstAudioFormatInfo* format = info.finfo;
  audio::SampleFormat sample;
  sample.width_bits = GST_AUDIO_FORMAT_INFO_WIDTH(format);
  sample.depth_bits = GST_AUDIO_FORMAT_INFO_DEPTH(format);
  sample.is_float = GST_AUDIO_FORMAT_INFO_IS_FLOAT(format);
  sample.is_signed = GST_AUDIO_FORMAT_INFO_IS_SIGNED(format);
  sample.is_big_endian = GST_AUDIO_FORMAT_INFO_ENDIANNESS(format) == G_BIG_ENDIAN;
  return audio::make_resample_engine(GST_AUDIO_INFO_RATE(&info), target_hz, options, sample,
                                     GST_AUDIO_INFO_CHANNELS(&info), true);
}

int64_t count_frames(const GstAudioInfo& info, const Bytes& frames) {
  return frames.size() / GST_AUDIO_INFO_BPF(&info);
}

/// The whole of `frames`, [frames, channels], resampled in one piece.
Bytes resample(const GstAudioInfo& info, const Bytes& frames, int target_hz,
               const audio::ResampleOptions& options = {}) {
  const auto engine = make_engine(info, target_hz, options);
  Bytes out(engine->frames_due(count_frames(info, frames), true) * GST_AUDIO_INFO_BPF(&info));
  const void* in = frames.data();
  void* to = out.data();
  engine->push(&in, count_frames(info, frames), true, &to);
  return out;
}

int64_t ceil_scale(int64_t frames, int64_t target, int64_t source) {
  return (frames * target + source - 1) / source;
}

GstClockTime frame_ns(int64_t frame, int rate_hz) {
  return gst_util_uint64_scale_round(frame, GST_SECOND, rate_hz);
}

/// PTS, durations and offsets of one signal that starts at `start_ns`.
void expect_timeline(const std::vector<BufferPtr>& buffers, const GstAudioInfo& info,
                     GstClockTime start_ns) {
  const int rate_hz = GST_AUDIO_INFO_RATE(&info);
  const guint64 first = gst_util_uint64_scale_round(start_ns, rate_hz, GST_SECOND);
  int64_t frame = 0;
  for (const BufferPtr& buffer : buffers) {
    const int64_t end = frame + read_frames(info, buffer.get()).size() / GST_AUDIO_INFO_BPF(&info);
    ASSERT_GT(end, frame) << "empty buffer";
    EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), start_ns + frame_ns(frame, rate_hz));
    EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), frame_ns(end, rate_hz) - frame_ns(frame, rate_hz));
    EXPECT_EQ(GST_BUFFER_OFFSET(buffer.get()), first + frame);
    EXPECT_EQ(GST_BUFFER_OFFSET_END(buffer.get()), first + end);
    EXPECT_EQ(has_flag(buffer, GST_BUFFER_FLAG_DISCONT), frame == 0) << "frame " << frame;
    frame = end;
  }
}

Bytes join(const GstAudioInfo& info, const std::vector<BufferPtr>& buffers) {
  Bytes frames;
  for (const BufferPtr& buffer : buffers) {
    const Bytes part = read_frames(info, buffer.get());
    frames.insert(frames.end(), part.begin(), part.end());
  }
  return frames;
}

/// Names of the events and "buffer" for runs of buffers, in order.
std::vector<std::string> order(const std::vector<Item>& items) {
  std::vector<std::string> names;
  for (const Item& item : items) {
    const std::string name = item.buffer ? "buffer" : GST_EVENT_TYPE_NAME(item.event.get());
    if (names.empty() || name != "buffer" || names.back() != "buffer") names.push_back(name);
  }
  return names;
}

using Names = std::vector<std::string>;

struct Split {
  int source_hz, target_hz;
  int64_t frames_per_buffer;
};

std::ostream& operator<<(std::ostream& out, const Split& s) {
  return out << s.source_hz << " to " << s.target_hz << " by " << s.frames_per_buffer;
}

class Splits : public testing::TestWithParam<Split> {};

// 48000 -> 16000, 10 ms buffers, n frames in, the buffers out (f: filter half width in input
// frames):
//   in   [0, 480) [480, 960) ...                PTS 0, 10 ms, ...
//   out  [0, (480 - f) / 3) [.., (960 - f) / 3) ... and [.., ceil(n / 3)) before EOS
TEST_P(Splits, CountsTimesAndBitsAreThoseOfTheWhole) {
  const Split s = GetParam();
  const GstClockTime start_ns = 3 * GST_SECOND + 7;
  for (int64_t frames : {1, 2, 997, 4410}) {
    ElementRig rig("tsresample");
    const GstAudioInfo info = make_info(mono(s.source_hz));
    const Bytes noise = make_noise(info, frames, frames);
    ASSERT_TRUE(rig.start(mono(s.source_hz), to_rate(s.target_hz)));
    rig.take();
    ASSERT_EQ(rig.push_all(info, noise, s.frames_per_buffer, start_ns), GST_FLOW_OK);
    rig.send_eos();
    const GstAudioInfo out = rig.out_info();
    const std::vector<BufferPtr> buffers = rig.take_buffers();
    ASSERT_FALSE(buffers.empty()) << "nothing ran";
    expect_timeline(buffers, out, start_ns);
    const Bytes whole = join(out, buffers);
    EXPECT_EQ(count_frames(out, whole), ceil_scale(frames, s.target_hz, s.source_hz));
    EXPECT_EQ(whole, resample(info, noise, s.target_hz)) << "frames " << frames;
    EXPECT_EQ(rig.stat("frames-in"), static_cast<uint64_t>(frames));
    EXPECT_EQ(rig.stat("frames-out"), static_cast<uint64_t>(count_frames(out, whole)));
    EXPECT_EQ(rig.stat("resets"), 1u);
  }
}

std::vector<Split> all_splits() {
  std::vector<Split> splits;
  const std::pair<int, int> rates[] = {{44100, 48000}, {48000, 44100}, {48000, 16000},
                                       {16000, 48000}, {8000, 96000},  {16001, 16000}};
  for (auto [source_hz, target_hz] : rates)
    for (int64_t frames : {1, 7, 127, source_hz / 100, 4410, 100000})  // the last two: the whole
      splits.push_back({source_hz, target_hz, frames});
  return splits;
}

INSTANTIATE_TEST_SUITE_P(TsResample, Splits, testing::ValuesIn(all_splits()));

TEST(TsResample, TakesAllFormatsAndLayouts) {
  for (int f = GST_AUDIO_FORMAT_S8; f <= GST_AUDIO_FORMAT_F64BE; ++f) {
    for (const char* layout : {"interleaved", "non-interleaved"}) {
      const std::string format = gst_audio_format_to_string(static_cast<GstAudioFormat>(f));
      SCOPED_TRACE(format + " " + layout);
      const std::string caps = "audio/x-raw,format=" + format + ",layout=" + layout +
                               ",channels=3,channel-mask=(bitmask)0x7,rate=48000";
      ElementRig rig("tsresample");
      ASSERT_TRUE(rig.start(caps, to_rate(32000)));
      const GstAudioInfo info = make_info(caps);
      const Bytes noise = make_noise(info, 500, f);
      ASSERT_EQ(rig.push_all(info, noise, 101), GST_FLOW_OK);
      rig.send_eos();
      EXPECT_EQ(rig.take_frames(), resample(info, noise, 32000));
    }
  }
}

TEST(TsResample, TakesManyChannelsWithoutPositions) {
  const std::string caps =
      "audio/x-raw,format=F32LE,layout=non-interleaved,channels=70,"
      "channel-mask=(bitmask)0,rate=48000";
  ElementRig rig("tsresample");
  ASSERT_TRUE(rig.start(caps, to_rate(44100)));
  const GstAudioInfo info = make_info(caps);
  const Bytes noise = make_noise(info, 300, 1);
  ASSERT_EQ(rig.push_all(info, noise, 100), GST_FLOW_OK);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 44100));
}

TEST(TsResample, ForwardsEosWithoutDataOrCaps) {
  ElementRig before_caps("tsresample");
  before_caps.send(gst_event_new_stream_start("test"));
  before_caps.send_eos();
  EXPECT_EQ(order(before_caps.take()), (Names{"stream-start", "eos"}));

  ElementRig without_data("tsresample");
  without_data.start(mono(44100), to_rate(48000));
  without_data.send_eos();
  EXPECT_EQ(order(without_data.take()), (Names{"stream-start", "caps", "segment", "eos"}));
  EXPECT_EQ(without_data.stat("resets"), 0u);
}

TEST(TsResample, OneSampleGivesItsFramesBeforeEos) {
  ElementRig rig("tsresample");
  const GstAudioInfo info = make_info(mono(16000));
  const Bytes noise = make_noise(info, 1, 1);
  rig.start(mono(16000), to_rate(48000));
  rig.push_all(info, noise, 1);
  rig.send_eos();
  const GstAudioInfo out = rig.out_info();
  const std::vector<Item> items = rig.take();
  EXPECT_EQ(order(items), (Names{"stream-start", "caps", "segment", "buffer", "eos"}));
  Bytes frames;
  for (const Item& item : items)
    if (item.buffer) frames = read_frames(out, item.buffer.get());
  EXPECT_EQ(frames, resample(info, noise, 48000));
  EXPECT_EQ(count_frames(out, frames), 3);
}

TEST(TsResample, EmptyBuffersChangeNothing) {
  ElementRig rig("tsresample");
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 100, 1);
  rig.start(mono(44100), to_rate(48000));
  rig.push(make_buffer(info, {}, 0));
  rig.push_all(info, noise, 50);
  rig.push(make_buffer(info, {}, frame_ns(100, 44100)));
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
}

constexpr char kPlanar[] =
    "audio/x-raw,format=F32LE,layout=non-interleaved,channels=2,rate=44100,channel-mask=(bitmask)3";

TEST(TsResample, EmptyBuffersNeedNothingElse) {
  for (const std::string& caps : {mono(44100), std::string(kPlanar)}) {
    for (GstBufferFlags flag : {GST_BUFFER_FLAG_MARKER, GST_BUFFER_FLAG_GAP}) {
      const GstAudioInfo info = make_info(caps);
      const Bytes noise = make_noise(info, 100, 1);
      ElementRig rig("tsresample");
      rig.start(caps, to_rate(48000));
      for (int64_t first : {0, 50}) {
        BufferPtr empty(gst_buffer_new());
        GST_BUFFER_FLAG_SET(empty.get(), flag);
        EXPECT_EQ(rig.push(std::move(empty)), GST_FLOW_OK);
        rig.push_all(info, slice(info, noise, first, 50), 50, frame_ns(first, 44100));
      }
      rig.send_eos();
      EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
      EXPECT_EQ(first_text(rig.take_errors()), "");
    }
  }
}

TEST(TsResample, FlushForgetsTheSignalAndOwesNothing) {
  ElementRig rig("tsresample");
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 1000, 2);
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, noise, 1000);
  rig.take();
  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  rig.send_segment(0, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(order(rig.take()), (Names{"flush-start", "flush-stop", "segment"}));
  rig.push_all(info, noise, 100, GST_SECOND);
  rig.send_eos();
  const GstAudioInfo out = rig.out_info();
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  expect_timeline(buffers, out, GST_SECOND);
  EXPECT_EQ(join(out, buffers), resample(info, noise, 48000));
}

/// Two signals that a discontinuity parts: each is whole, the second flagged and at its own time.
void expect_two_signals(ElementRig* rig, const GstAudioInfo& info, const Bytes& first,
                        const Bytes& second, int target_hz, GstClockTime second_ns) {
  Bytes expected = resample(info, first, target_hz);
  const int64_t first_frames = count_frames(info, expected);
  const Bytes rest = resample(info, second, target_hz);
  expected.insert(expected.end(), rest.begin(), rest.end());
  const GstAudioInfo out = rig->out_info();
  std::vector<BufferPtr> buffers = rig->take_buffers();
  std::vector<BufferPtr> first_buffers;
  Bytes frames;
  while (!buffers.empty() && count_frames(out, frames) < first_frames) {
    const Bytes part = read_frames(out, buffers.front().get());
    frames.insert(frames.end(), part.begin(), part.end());
    first_buffers.push_back(std::move(buffers.front()));
    buffers.erase(buffers.begin());
  }
  EXPECT_EQ(count_frames(out, frames), first_frames);
  expect_timeline(first_buffers, out, 0);
  expect_timeline(buffers, out, second_ns);
  const Bytes second_frames = join(out, buffers);
  frames.insert(frames.end(), second_frames.begin(), second_frames.end());
  EXPECT_EQ(frames, expected);
}

class Discontinuity : public testing::TestWithParam<int> {};  // frames per buffer

TEST_P(Discontinuity, APtsJumpEndsTheSignal) {
  const int frames_per_buffer = GetParam();
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes first = make_noise(info, 441, 3), second = make_noise(info, 300, 4);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, first, frames_per_buffer);
  rig.push_all(info, second, frames_per_buffer, GST_SECOND);
  rig.send_eos();
  expect_two_signals(&rig, info, first, second, 48000, GST_SECOND);
}

TEST_P(Discontinuity, AFlagEndsTheSignal) {
  const int frames_per_buffer = GetParam();
  for (GstBufferFlags flag : {GST_BUFFER_FLAG_DISCONT, GST_BUFFER_FLAG_RESYNC}) {
    const GstAudioInfo info = make_info(mono(44100));
    const Bytes first = make_noise(info, 441, 3), second = make_noise(info, 300, 4);
    ElementRig rig("tsresample");
    rig.start(mono(44100), to_rate(48000));
    rig.push_all(info, first, frames_per_buffer);
    BufferPtr flagged = make_buffer(info, slice(info, second, 0, 1), GST_CLOCK_TIME_NONE);
    GST_BUFFER_FLAG_SET(flagged.get(), flag);
    rig.push(std::move(flagged));
    rig.push_all(info, slice(info, second, 1, 299), frames_per_buffer, frame_ns(442, 44100));
    rig.send_eos();
    expect_two_signals(&rig, info, first, second, 48000, frame_ns(441, 44100));
  }
}

INSTANTIATE_TEST_SUITE_P(TsResample, Discontinuity, testing::Values(1, 100, 441));

TEST(TsResample, AbsorbsJitterUpToTheTolerance) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 441, 5);
  struct Case {
    const char* tolerance;
    GstClockTime jitter_ns;
    unsigned resets;
  };
  const Case cases[] = {
      {"40000000", 40000000, 1}, {"40000000", 40000001, 2}, {"0", 0, 1}, {"0", 1, 2}};
  for (const auto& [tolerance, jitter_ns, resets] : cases) {
    ElementRig rig("tsresample", {{"tolerance", tolerance}});
    rig.start(mono(44100), to_rate(48000));
    rig.push_all(info, noise, 441);
    rig.push_all(info, noise, 441, frame_ns(441, 44100) + jitter_ns);
    rig.send_eos();
    EXPECT_EQ(rig.stat("resets"), resets) << tolerance << " " << jitter_ns;
    if (resets == 1) expect_timeline(rig.take_buffers(), rig.out_info(), 0);
  }
}

TEST(TsResample, BuffersWithoutPtsContinueTheTimeline) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 900, 6);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push(make_buffer(info, slice(info, noise, 0, 300), GST_SECOND));
  rig.push(make_buffer(info, slice(info, noise, 300, 600), GST_CLOCK_TIME_NONE));
  rig.send_eos();
  const GstAudioInfo out = rig.out_info();
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  expect_timeline(buffers, out, GST_SECOND);
  EXPECT_EQ(rig.stat("frames-out"), static_cast<uint64_t>(ceil_scale(900, 48000, 44100)));
}

TEST(TsResample, AudioWithoutAnyPtsKeepsItsFrames) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 900, 6);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push(make_buffer(info, noise, GST_CLOCK_TIME_NONE));
  rig.send_eos();
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  ASSERT_EQ(buffers.size(), 2u);
  EXPECT_FALSE(GST_BUFFER_PTS_IS_VALID(buffers[1].get()));
  EXPECT_EQ(GST_BUFFER_OFFSET_END(buffers[1].get()), 980u);
}

TEST(TsResample, TheTailLeavesBeforeAGapEvent) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes first = make_noise(info, 441, 7), second = make_noise(info, 441, 8);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.take();
  rig.push_all(info, first, 441);
  rig.send(gst_event_new_gap(10 * GST_MSECOND, 20 * GST_MSECOND));
  rig.push(make_buffer(info, second, GST_CLOCK_TIME_NONE));
  rig.send_eos();
  const std::vector<Item> items = rig.take();
  EXPECT_EQ(order(items), (Names{"buffer", "gap", "buffer", "eos"}));
  const GstAudioInfo out = rig.out_info();
  int64_t frames_before = 0;
  std::vector<Item>::const_iterator item = items.begin();
  for (; item->buffer; ++item)
    frames_before += count_frames(out, read_frames(out, item->buffer.get()));
  EXPECT_EQ(frames_before, 480);
  ++item;
  EXPECT_EQ(GST_BUFFER_PTS(item->buffer.get()), 30 * GST_MSECOND);
  EXPECT_TRUE(has_flag(item->buffer, GST_BUFFER_FLAG_DISCONT));
}

// The filter of 44100 -> 48000 spans 14 frames: a gap of 5 goes on with the signal, one of 20 ends
// it.
TEST(TsResample, AGapEventShorterThanTheMemoryIsSilence) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes first = make_noise(info, 441, 7), second = make_noise(info, 441, 8);
  for (const int gap_frames : {5, 20}) {
    ElementRig rig("tsresample");
    rig.start(mono(44100), to_rate(48000));
    rig.take();
    rig.push_all(info, first, 441);
    rig.send(gst_event_new_gap(10 * GST_MSECOND, frame_ns(gap_frames, 44100)));
    rig.push_all(info, second, 441, 10 * GST_MSECOND + frame_ns(gap_frames, 44100));
    rig.send_eos();
    EXPECT_EQ(rig.stat("gaps"), 1u);
    EXPECT_EQ(rig.stat("resets"), gap_frames == 5 ? 1u : 2u);
    const std::vector<Item> items = rig.take();
    const Names gone_on = {"buffer", "eos"}, ended = {"buffer", "gap", "buffer", "eos"};
    EXPECT_EQ(order(items), gap_frames == 5 ? gone_on : ended);
    if (gap_frames > 5) continue;
    Bytes whole = first, out;
    whole.resize(whole.size() + gap_frames * sizeof(float));
    whole.insert(whole.end(), second.begin(), second.end());
    for (const Item& item : items)
      if (item.buffer) {
        const Bytes part = read_frames(rig.out_info(), item.buffer.get());
        out.insert(out.end(), part.begin(), part.end());
      }
    EXPECT_EQ(out, resample(info, whole, 48000));
  }
}

// The first frames leave with the gap, and only they begin a signal.
TEST(TsResample, ADiscontinuityIsFlaggedOnceWhereItsFramesLeaveWithAGap) {
  const GstAudioInfo info = make_info(mono(8000));
  ElementRig rig("tsresample", {{"lowpass-filter-width", "64"}});
  rig.start(mono(8000), to_rate(48000));
  BufferPtr buffer = make_buffer(info, make_noise(info, 40, 1), 0);
  GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
  rig.push(std::move(buffer));
  EXPECT_TRUE(rig.take_buffers().empty());
  rig.send(gst_event_new_gap(frame_ns(40, 8000), frame_ns(60, 8000)));
  rig.push_all(info, make_noise(info, 400, 2), 100, frame_ns(100, 8000));
  rig.send_eos();
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  ASSERT_GT(buffers.size(), 2u);
  for (const BufferPtr& left : buffers)
    EXPECT_EQ(has_flag(left, GST_BUFFER_FLAG_DISCONT), left == buffers.front());
}

// Every format, planes, too: what comes of silence is flagged once the audio before it is out.
TEST(TsResample, FlagsGapsThatAreSilentToTheBit) {
  for (const char* format : {"F32LE", "U8", "U16BE", "S24LE", "F64BE"}) {
    for (const char* layout : {"interleaved", "non-interleaved"}) {
      SCOPED_TRACE(std::string(format) + " " + layout);
      const std::string caps = std::string("audio/x-raw,channels=2,channel-mask=(bitmask)3,") +
                               "rate=44100,format=" + format + ",layout=" + layout;
      const GstAudioInfo info = make_info(caps);
      ElementRig rig("tsresample");
      rig.start(caps, to_rate(48000));
      const bool is_gap[] = {false, true, true, false, true};
      for (int i = 0; i < 5; ++i) {
        BufferPtr buffer = make_buffer(info, make_noise(info, 441, i), i * 10 * GST_MSECOND);
        if (is_gap[i]) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_GAP);
        rig.push(std::move(buffer));
      }
      std::vector<bool> flags;
      for (const BufferPtr& buffer : rig.take_buffers())
        flags.push_back(has_flag(buffer, GST_BUFFER_FLAG_GAP));
      EXPECT_EQ(flags, (std::vector<bool>{false, false, true, false, false}));
      EXPECT_EQ(rig.stat("gaps"), 3u);
    }
  }
}

TEST(TsResample, GapBuffersAreSilenceWhateverTheyHold) {
  for (const char* format : {"F32LE", "U8", "S16BE"}) {
    const std::string caps = std::string(
                                 "audio/x-raw,layout=interleaved,channels=1,rate=44100,"
                                 "format=") +
                             format;
    const GstAudioInfo info = make_info(caps);
    const Bytes audio = make_noise(info, 441, 9), garbage = make_noise(info, 441, 10);
    Bytes silence(garbage.size());
    gst_audio_format_info_fill_silence(info.finfo, silence.data(), silence.size());
    ElementRig rig("tsresample");
    rig.start(caps, to_rate(48000));
    rig.push_all(info, audio, 441);
    BufferPtr gap = make_buffer(info, garbage, 10 * GST_MSECOND);
    GST_BUFFER_FLAG_SET(gap.get(), GST_BUFFER_FLAG_GAP);
    rig.push(std::move(gap));
    rig.push_all(info, audio, 441, 20 * GST_MSECOND);
    rig.send_eos();
    Bytes expected = audio;
    expected.insert(expected.end(), silence.begin(), silence.end());
    expected.insert(expected.end(), audio.begin(), audio.end());
    const std::vector<BufferPtr> buffers = rig.take_buffers();
    for (const BufferPtr& buffer : buffers) EXPECT_FALSE(has_flag(buffer, GST_BUFFER_FLAG_GAP));
    EXPECT_EQ(join(rig.out_info(), buffers), resample(info, expected, 48000));
  }
}

TEST(TsResample, TheTailLeavesBeforeEventsThatEndASignal) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  for (auto [event, name] :
       {std::pair(gst_event_new_segment(&segment), "segment"),
        std::pair(gst_event_new_stream_start("other"), "stream-start"),
        std::pair(gst_event_new_segment_done(GST_FORMAT_TIME, 0), "segment-done")}) {
    const GstAudioInfo info = make_info(mono(44100));
    ElementRig rig("tsresample");
    rig.start(mono(44100), to_rate(48000));
    rig.push_all(info, make_noise(info, 441, 1), 441);
    rig.take();
    const guint32 seqnum = gst_event_get_seqnum(event);
    rig.send(event);
    const std::vector<Item> items = rig.take();
    EXPECT_EQ(order(items), (Names{"buffer", name}));
    EXPECT_EQ(gst_event_get_seqnum(items.back().event.get()), seqnum);
    EXPECT_EQ(rig.stat("frames-out"), 480u);
  }
}

/// The frames of the buffers before the event `seqnum`; -1 where it did not leave.
int64_t frames_before(const std::vector<Item>& items, const GstAudioInfo& info, guint32 seqnum) {
  int64_t frames = 0;
  for (const Item& item : items) {
    if (item.buffer)
      frames += count_frames(info, read_frames(info, item.buffer.get()));
    else if (gst_event_get_seqnum(item.event.get()) == seqnum)
      return frames;
  }
  return -1;
}

// in    [0, 441)  tag  [441, 882)   44100 Hz
// out   [0, 480)  tag  [480, 960)   48000 Hz: some 470 leave with the first buffer, some 480 with
//                                   the second, which is cut
TEST(TsResample, TagsKeepTheirPlaceAmongTheFrames) {
  for (const std::string& caps : {mono(44100), stereo(44100), std::string(kPlanar)}) {
    const GstAudioInfo info = make_info(caps);
    const Bytes noise = make_noise(info, 882, 1);
    ElementRig rig("tsresample");
    rig.start(caps, to_rate(48000));
    rig.take();
    rig.push_all(info, slice(info, noise, 0, 441), 441);
    GstEvent* tag = gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "title", nullptr));
    const guint32 seqnum = gst_event_get_seqnum(tag);
    rig.send(tag);
    rig.push_all(info, slice(info, noise, 441, 441), 441, 10 * GST_MSECOND);
    rig.send_eos();
    const GstAudioInfo out = rig.out_info();
    std::vector<Item> items = rig.take();
    EXPECT_EQ(order(items), (Names{"buffer", "tag", "buffer", "eos"}));
    EXPECT_EQ(frames_before(items, out, seqnum), 480);
    std::vector<BufferPtr> buffers;
    for (Item& item : items)
      if (item.buffer) buffers.push_back(std::move(item.buffer));
    expect_timeline(buffers, out, 0);
    EXPECT_EQ(join(out, buffers), resample(info, noise, 48000));
  }
}

TEST(TsResample, EventsWithoutAudioBeforeThemLeaveAtOnce) {
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.take();
  rig.send(gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "title", nullptr)));
  rig.send(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, gst_structure_new_empty("oob")));
  EXPECT_EQ(order(rig.take()), (Names{"tag", "custom-downstream-oob"}));
  rig.push_all(make_info(mono(44100)), make_noise(make_info(mono(44100)), 441, 1), 441);
  rig.take();
  rig.send(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, gst_structure_new_empty("oob")));
  EXPECT_EQ(order(rig.take()), Names{"custom-downstream-oob"}) << "it is not serialised";
}

TEST(TsResample, TheTailLeavesBeforeNewCaps) {
  const GstAudioInfo info = make_info(mono(44100)), other = make_info(mono(16000));
  const Bytes first = make_noise(info, 441, 1), second = make_noise(other, 320, 2);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, first, 441);
  rig.send_caps(mono(16000));
  rig.push_all(other, second, 160, 10 * GST_MSECOND);
  rig.send_eos();
  Bytes expected = resample(info, first, 48000);
  const Bytes rest = resample(other, second, 48000);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(rig.take_frames(), expected);

  ElementRig channels("tsresample");
  channels.start(mono(44100), to_rate(48000));
  channels.push_all(info, first, 441);
  channels.take();
  channels.send_caps(stereo(44100));
  EXPECT_EQ(order(channels.take()), (Names{"buffer", "caps"}));
  EXPECT_EQ(channels.stat("frames-out"), 480u);
}

TEST(TsResample, FollowsTheFormatChannelsAndLayout) {
  const std::string caps[] = {
      mono(44100),
      "audio/x-raw,format=S16LE,layout=interleaved,channels=2,rate=44100,"
      "channel-mask=(bitmask)0x3",
      "audio/x-raw,format=F64LE,layout=non-interleaved,channels=3,rate=32000,"
      "channel-mask=(bitmask)0x7",
      "audio/x-raw,format=F64LE,layout=interleaved,channels=3,rate=32000,channel-mask=(bitmask)0x7",
      mono(44100)};
  ElementRig rig("tsresample");
  rig.start(caps[0], to_rate(48000));
  GstClockTime pts = 0;
  for (const std::string& next : caps) {
    SCOPED_TRACE(next);
    const GstAudioInfo info = make_info(next);
    const Bytes noise = make_noise(info, 997, 1);
    ASSERT_TRUE(rig.send_caps(next));
    ASSERT_EQ(rig.push_all(info, noise, 100, pts), GST_FLOW_OK);
    rig.send_segment(0, GST_CLOCK_TIME_NONE);  // ends the signal
    const GstAudioInfo out = rig.out_info();
    const std::vector<BufferPtr> buffers = rig.take_buffers();
    expect_timeline(buffers, out, pts);
    EXPECT_EQ(join(out, buffers), resample(info, noise, 48000));
    pts += GST_SECOND;
  }
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

TEST(TsResample, TellsOfALatencyThatIsNewOnce) {
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1);
  rig.send_caps(mono(16000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1) << "another rate";
  rig.send_caps(mono(48000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1) << "passthrough, which has none";
  rig.send_caps(stereo(48000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 0) << "nor has this";
  rig.send_caps(stereo(16000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1) << "out of passthrough";
  rig.send_caps(mono(16000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 0) << "the same of other channels";
}

TEST(TsResample, LeavesTheTailWhenDownstreamChangesItsRate) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes first = make_noise(info, 441, 1), second = make_noise(info, 882, 2);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, first, 441);
  rig.take();
  gst_harness_set_sink_caps_str(rig.harness, to_rate(22050).c_str());
  rig.push_all(info, second, 882, 10 * GST_MSECOND);
  rig.send_eos();
  EXPECT_EQ(order(rig.take()), (Names{"buffer", "caps", "buffer", "eos"}));
  EXPECT_EQ(rig.stat("frames-out"), 480u + 441u);
}

TEST(TsResample, ClipsToTheSegment) {
  const GstAudioInfo info = make_info(mono(48000));
  const Bytes noise = make_noise(info, 4800, 1);  // 0 to 100 ms
  for (int64_t frames_per_buffer : {480, 700, 4800}) {
    ElementRig rig("tsresample");
    rig.start(mono(48000), to_rate(32000));
    rig.send_segment(25 * GST_MSECOND, 75 * GST_MSECOND);
    rig.take();
    rig.push_all(info, noise, frames_per_buffer);
    rig.send_eos();
    const GstAudioInfo out = rig.out_info();
    std::vector<BufferPtr> buffers = rig.take_buffers();
    expect_timeline(buffers, out, 25 * GST_MSECOND);
    EXPECT_EQ(join(out, buffers), resample(info, slice(info, noise, 1200, 2400), 32000))
        << frames_per_buffer;
  }
}

TEST(TsResample, BuffersWithoutPtsFollowThoseThatAreClippedAway) {
  const GstAudioInfo info = make_info(mono(48000));
  const Bytes noise = make_noise(info, 4800, 1);  // 0 to 100 ms
  ElementRig rig("tsresample");
  rig.start(mono(48000), to_rate(32000));
  rig.send_segment(25 * GST_MSECOND, 75 * GST_MSECOND);
  rig.take();
  for (int i = 0; i < 10; ++i)
    rig.push(make_buffer(info, slice(info, noise, i * 480, 480), i ? GST_CLOCK_TIME_NONE : 0));
  const GstAudioInfo out = rig.out_info();
  const std::vector<BufferPtr> buffers = rig.take_buffers();  // the tail needs no EOS
  expect_timeline(buffers, out, 25 * GST_MSECOND);
  EXPECT_EQ(join(out, buffers), resample(info, slice(info, noise, 1200, 2400), 32000));
}

TEST(TsResample, ReversePlaybackDrainsPerBuffer) {
  const GstAudioInfo info = make_info(mono(48000));
  ElementRig rig("tsresample");
  rig.start(mono(48000), to_rate(16000));
  rig.send_segment(0, GST_SECOND, -1.0);
  rig.take();
  for (int i = 2; i >= 0; --i) {
    BufferPtr buffer = make_buffer(info, make_noise(info, 480, i), i * 10 * GST_MSECOND);
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    rig.push(std::move(buffer));
  }
  rig.send_eos();
  EXPECT_EQ(rig.stat("frames-out"), 480u);
  EXPECT_EQ(rig.stat("resets"), 3u);
  std::vector<GstClockTime> starts;
  for (const BufferPtr& buffer : rig.take_buffers())
    if (has_flag(buffer, GST_BUFFER_FLAG_DISCONT)) starts.push_back(GST_BUFFER_PTS(buffer.get()));
  EXPECT_EQ(starts, (std::vector<GstClockTime>{20 * GST_MSECOND, 10 * GST_MSECOND, 0}));
}

TEST(TsResample, ReversePlaybackNeedsNoFlags) {
  const GstAudioInfo info = make_info(mono(48000));
  ElementRig rig("tsresample");
  rig.start(mono(48000), to_rate(16000));
  rig.send_segment(0, GST_SECOND, -1.0);
  rig.take();
  Bytes expected;
  for (int i = 9; i >= 0; --i) {
    const Bytes piece = make_noise(info, 480, i), part = resample(info, piece, 16000);
    expected.insert(expected.end(), part.begin(), part.end());
    // Two buffers that go on with one another, but for rounding, stay one signal.
    rig.push_all(info, slice(info, piece, 0, 200), 200, i * 10 * GST_MSECOND);
    rig.push_all(info, slice(info, piece, 200, 280), 280, i * 10 * GST_MSECOND + 4166666);
  }
  rig.send_eos();
  EXPECT_EQ(rig.stat("resets"), 10u);
  EXPECT_EQ(rig.take_frames(), expected);
}

TEST(TsResample, NewSettingsTakeEffectWithTheNextBuffer) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes first = make_noise(info, 441, 1), second = make_noise(info, 441, 2);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, first, 441);
  rig.count_messages(GST_MESSAGE_LATENCY);
  const GstClockTime latency_ns = rig.latency_ns();
  rig.set("resampling-method", "sinc-interp-kaiser");
  rig.set("lowpass-filter-width", "16");
  rig.set("rolloff", "0.9");
  rig.set("beta", "5");
  rig.push_all(info, second, 441, 10 * GST_MSECOND);
  rig.send_eos();
  audio::ResampleOptions options;
  options.resampling_method = "sinc_interp_kaiser";
  options.lowpass_filter_width = 16;
  options.rolloff = 0.9;
  options.beta = 5;
  Bytes expected = resample(info, first, 48000);
  const Bytes rest = resample(info, second, 48000, options);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(rig.take_frames(), expected);
  EXPECT_GT(rig.latency_ns(), latency_ns);
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1);
}

/// 100 ms of audio, then new settings; the first PTS of what becomes of audio at `pts`, which
/// follows, with an empty buffer between or not.
GstClockTime start_with_new_settings(bool has_empty_between, GstClockTime pts) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, make_noise(info, 4410, 1), 441);
  const size_t before = rig.take_buffers().size();
  EXPECT_GT(before, 0u);
  rig.set("rolloff", "0.9");
  if (has_empty_between) rig.push(make_buffer(info, {}, GST_SECOND / 10));
  rig.push_all(info, make_noise(info, 4410, 1), 441, pts);
  rig.send_eos();
  for (const BufferPtr& buffer : rig.take_buffers())
    if (has_flag(buffer, GST_BUFFER_FLAG_DISCONT)) return GST_BUFFER_PTS(buffer.get());
  return GST_CLOCK_TIME_NONE;
}

// They end the signal, and the next one goes on where it was. But a jump behind it is one.
TEST(TsResample, NewSettingsMoveNothing) {
  const GstClockTime due = GST_SECOND / 10, jump = 5 * GST_SECOND;
  for (const GstClockTime jittered : {due - 3 * GST_MSECOND, due, due + 3 * GST_MSECOND})
    EXPECT_EQ(start_with_new_settings(false, jittered), due);
  EXPECT_EQ(start_with_new_settings(false, jump), jump);
  EXPECT_EQ(start_with_new_settings(true, jump), jump);
}

TEST(TsResample, HasTheDefaultsOfTorchaudio) {
  ElementRig rig("tsresample");
  const audio::ResampleOptions defaults;
  gint method, width;
  gdouble rolloff, beta;
  g_object_get(rig.element, "resampling-method", &method, "lowpass-filter-width", &width, "rolloff",
               &rolloff, "beta", &beta, nullptr);
  EXPECT_EQ(method, 0);
  EXPECT_EQ(width, defaults.lowpass_filter_width);
  EXPECT_EQ(rolloff, defaults.rolloff);
  EXPECT_EQ(beta, defaults.beta);
}

TEST(TsResample, HasPresetsOfItsQuality) {
  ElementRig rig("tsresample");
  GstPreset* presets = GST_PRESET(rig.element);
  gchar** names = gst_preset_get_preset_names(presets);
  ASSERT_NE(names, nullptr) << "see GST_PRESET_PATH";
  EXPECT_EQ(g_strv_length(names), 3u);
  g_strfreev(names);
  struct Preset {
    const char* name;
    int method, width;
    double rolloff, beta;
  };
  const double any_beta = audio::ResampleOptions().beta;
  for (const Preset& preset : {Preset{"kaiser-best", 1, 64, 0.9475937167399596, 14.769656459379492},
                               {"kaiser-fast", 1, 16, 0.85, 8.555504641634386},
                               {"torchaudio", 0, 6, 0.99, any_beta}}) {
    rig.set("beta", std::to_string(any_beta));
    ASSERT_TRUE(gst_preset_load_preset(presets, preset.name)) << preset.name;
    gint method, width;
    gdouble rolloff, beta;
    g_object_get(rig.element, "resampling-method", &method, "lowpass-filter-width", &width,
                 "rolloff", &rolloff, "beta", &beta, nullptr);
    EXPECT_EQ(method, preset.method);
    EXPECT_EQ(width, preset.width);
    EXPECT_EQ(rolloff, preset.rolloff);
    EXPECT_NEAR(beta, preset.beta, preset.method == 0 ? 1e-6 : 0) << preset.name;
  }
}

TEST(TsResample, ImpossibleSettingsAreElementErrors) {
  ElementRig rig("tsresample", {{"lowpass-filter-width", "4096"}, {"rolloff", "0.001"}});
  rig.start(mono(44100), to_rate(48000));
  EXPECT_EQ(rig.push(make_buffer(make_info(mono(44100)), Bytes(400), 0)), GST_FLOW_NOT_NEGOTIATED);
  const std::vector<ErrorMessage> errors = rig.take_errors();
  ASSERT_FALSE(errors.empty());
  EXPECT_EQ(errors[0].domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(errors[0].code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(errors[0].text.find("width"), std::string::npos) << errors[0].text;

  gst_element_set_state(rig.element, GST_STATE_NULL);
  rig.set("lowpass-filter-width", "6");
  rig.set("rolloff", "0.99");
  gst_element_set_state(rig.element, GST_STATE_PLAYING);
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 441, 1);
  EXPECT_TRUE(rig.start(mono(44100), to_rate(48000)));
  rig.push_all(info, noise, 441);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

// GStreamer does not set caps again that were the last good ones.
TEST(TsResample, CapsThatComeBackAfterImpossibleOnesAreGood) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 441, 1);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, noise, 441);
  rig.set("rolloff", "0.001");
  rig.set("lowpass-filter-width", "4096");
  rig.send_caps(mono(16001));
  EXPECT_EQ(rig.push(make_buffer(info, noise, 0)), GST_FLOW_NOT_NEGOTIATED);
  EXPECT_FALSE(rig.take_errors().empty());
  rig.set("lowpass-filter-width", "6");
  rig.set("rolloff", "0.99");
  rig.take();
  EXPECT_TRUE(rig.send_caps(mono(44100)));
  EXPECT_EQ(rig.push_all(info, noise, 441, GST_SECOND), GST_FLOW_OK);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
  EXPECT_TRUE(rig.take_errors().empty());
}

TEST(TsResample, SettingsThatStayAsTheyAreChangeNothing) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 882, 1);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, slice(info, noise, 0, 441), 441);
  rig.set("lowpass-filter-width", "6");
  rig.set("resampling-method", "sinc-interp-hann");
  rig.push_all(info, slice(info, noise, 441, 441), 441, 10 * GST_MSECOND);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
}

TEST(TsResample, SettingsThatBecomeImpossibleWhilePlayingAreWarnings) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  const Bytes old = make_noise(info, 882, 1), renewed = make_noise(info, 441, 2);
  rig.push_all(info, slice(info, old, 0, 441), 441);
  rig.set("rolloff", "0.001");
  rig.set("lowpass-filter-width", "4096");
  EXPECT_EQ(rig.push_all(info, slice(info, old, 441, 441), 100, 10 * GST_MSECOND), GST_FLOW_OK);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  const std::vector<ErrorMessage> warnings = rig.take_errors(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(warnings[0].code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_EQ(rig.stat("resets"), 0u);

  rig.set("rolloff", "0.9");
  rig.set("lowpass-filter-width", "16");
  EXPECT_EQ(rig.push_all(info, renewed, 441, 20 * GST_MSECOND), GST_FLOW_OK);
  rig.send_eos();
  audio::ResampleOptions options;
  options.rolloff = 0.9;
  options.lowpass_filter_width = 16;
  Bytes expected = resample(info, old, 48000);
  const Bytes rest = resample(info, renewed, 48000, options);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(rig.take_frames(), expected);
  EXPECT_TRUE(rig.take_errors(GST_MESSAGE_WARNING).empty());
}

TEST(TsResample, BadBuffersAreElementErrors) {
  ElementRig rig("tsresample");
  rig.start(kPlanar, to_rate(48000));
  BufferPtr buffer(gst_buffer_new_allocate(nullptr, 800, nullptr));
  EXPECT_EQ(rig.push(std::move(buffer)), GST_FLOW_ERROR);
  EXPECT_NE(first_text(rig.take_errors()).find("GstAudioMeta"), std::string::npos);
}

// What the engine heard of the signal that was lost is not part of the next one.
TEST(TsResample, ABadBufferEndsTheSignalWithItself) {
  const GstAudioInfo info = make_info(kPlanar);
  const Bytes noise = make_noise(info, 441, 1);
  ElementRig rig("tsresample");
  rig.start(kPlanar, to_rate(48000));
  rig.push_all(info, make_noise(info, 441, 2), 441);
  EXPECT_EQ(rig.push(BufferPtr(gst_buffer_new_allocate(nullptr, 800, nullptr))), GST_FLOW_ERROR);
  rig.take();
  EXPECT_EQ(rig.push_all(info, noise, 100, GST_SECOND), GST_FLOW_OK);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
}

/// A buffer of `bytes` whose memory nobody can map.
BufferPtr make_unmappable(gsize bytes) {
  static const GType type = g_type_register_static_simple(
      GST_TYPE_ALLOCATOR, "UnmappableAllocator", sizeof(GstAllocatorClass),
      [](gpointer klass, gpointer) {
        GST_ALLOCATOR_CLASS(klass)->free = [](GstAllocator*, GstMemory* memory) { g_free(memory); };
      },
      sizeof(GstAllocator), nullptr, static_cast<GTypeFlags>(0));
  auto* allocator = static_cast<GstAllocator*>(g_object_new(type, nullptr));
  gst_object_ref_sink(allocator);
  allocator->mem_map = [](GstMemory*, gsize, GstMapFlags) -> gpointer { return nullptr; };
  allocator->mem_unmap = [](GstMemory*) {};
  GstMemory* memory = g_new0(GstMemory, 1);
  gst_memory_init(memory, static_cast<GstMemoryFlags>(0), allocator, nullptr, bytes, 0, 0, bytes);
  gst_object_unref(allocator);  // the memory holds it
  BufferPtr buffer(gst_buffer_new());
  gst_buffer_append_memory(buffer.get(), memory);
  return buffer;
}

TEST(TsResample, MemoryThatCannotBeMappedIsAnElementError) {
  for (GstBufferFlags flag : {GST_BUFFER_FLAG_MARKER, GST_BUFFER_FLAG_GAP}) {
    ElementRig rig("tsresample");
    rig.start(mono(44100), to_rate(48000));
    BufferPtr buffer = make_unmappable(400);
    GST_BUFFER_FLAG_SET(buffer.get(), flag);
    EXPECT_EQ(rig.push(std::move(buffer)), GST_FLOW_ERROR);
    EXPECT_NE(first_text(rig.take_errors()).find("cannot be mapped"), std::string::npos);
  }
}

TEST(TsResample, ForgetsTheStreamBetweenStates) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 441, 1);
  ElementRig rig("tsresample");
  for (GstState low : {GST_STATE_READY, GST_STATE_NULL, GST_STATE_READY}) {
    ASSERT_TRUE(rig.start(mono(44100), to_rate(48000)));
    rig.push_all(info, noise, 441);
    rig.take();
    gst_element_set_state(rig.element, low);
    EXPECT_EQ(rig.latency_ns(), 0u);
    gst_element_set_state(rig.element, GST_STATE_PLAYING);
    EXPECT_EQ(rig.stat("frames-in"), 0u);
    EXPECT_EQ(order(rig.take()), Names());
  }
  ASSERT_TRUE(rig.start(mono(44100), to_rate(48000)));
  rig.push_all(info, noise, 441);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
}

TEST(TsResample, EqualRatesPassBuffersThrough) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(44100));
  BufferPtr buffer = make_buffer(info, make_noise(info, 100, 1), 123);
  GstBuffer* const address = buffer.get();
  rig.push(std::move(buffer));
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  ASSERT_EQ(buffers.size(), 1u);
  EXPECT_EQ(buffers[0].get(), address);
  EXPECT_EQ(rig.latency_ns(), 0u);
}

TEST(TsResample, StatsTellOfTheFilter) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  EXPECT_EQ(rig.rate_ratio(), "none") << "before caps";
  rig.start(mono(44100), to_rate(48000));
  EXPECT_EQ(rig.rate_ratio(), "160/147");
  const auto engine = make_engine(info, 48000);
  EXPECT_EQ(rig.stat("look-ahead-frames"),
            static_cast<uint64_t>(engine->timing().look_ahead_frames().ceil()));
  EXPECT_EQ(rig.stat("look-ahead-ns"), rig.latency_ns());
  EXPECT_EQ(rig.stat("receptive-field-frames"),
            static_cast<uint64_t>(engine->timing().receptive_field_frames()));
  EXPECT_EQ(rig.stat("held-bytes"), 0u);
  rig.push_all(info, make_noise(info, 4410, 1), 441);
  // Up to 16 output frames, which are less than 16 of the input, are computed together.
  const uint64_t most_frames = rig.stat("receptive-field-frames") + 16;
  EXPECT_GT(rig.stat("held-bytes"), 0u);
  EXPECT_LT(rig.stat("held-bytes"), most_frames * sizeof(float));
  rig.send_eos();
  EXPECT_EQ(rig.stat("held-bytes"), 0u);

  ElementRig passthrough("tsresample");
  passthrough.start(mono(48000), to_rate(48000));
  EXPECT_EQ(passthrough.rate_ratio(), "none");
}

TEST(TsResample, TheTailLeavesBeforePassthroughBegins) {
  const GstAudioInfo info = make_info(mono(44100)), equal = make_info(mono(48000));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, make_noise(info, 441, 1), 441);
  rig.send_caps(mono(48000));
  rig.push_all(equal, make_noise(equal, 480, 2), 480, 10 * GST_MSECOND);
  rig.send_caps(mono(44100));
  rig.push_all(info, make_noise(info, 441, 3), 441, 20 * GST_MSECOND);
  rig.send_eos();
  EXPECT_EQ(count_frames(equal, rig.take_frames()), 3 * 480);
}

CapsPtr template_caps(const char* factory_name, const char* pad) {
  GstElement* element = gst_element_factory_make(factory_name, nullptr);
  GstPadTemplate* found = gst_element_get_pad_template(element, pad);
  CapsPtr caps(gst_pad_template_get_caps(found));
  gst_object_unref(element);
  return caps;
}

TEST(TsResample, HasTheCapsOfAudioresample) {
  for (const char* pad : {"sink", "src"})
    EXPECT_TRUE(gst_caps_is_strictly_equal(template_caps("tsresample", pad).get(),
                                           template_caps("audioresample", pad).get()));
}

CapsPtr query_sink(ElementRig* rig) {
  GstPad* pad = gst_element_get_static_pad(rig->element, "sink");
  CapsPtr caps(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  return caps;
}

TEST(TsResample, OffersUpstreamItsOwnRateThenAnyLikeAudioresample) {
  for (const char* downstream : {"audio/x-raw,rate=16000,channels=2,format=S16LE",
                                 "audio/x-raw,rate={8000,48000}", "audio/x-raw,rate=[8000,48000]",
                                 "audio/x-raw", "audio/x-raw,rate=8000;audio/x-raw,rate=9000"}) {
    CapsPtr caps[2];
    for (int i : {0, 1}) {
      ElementRig rig(i ? "audioresample" : "tsresample");
      gst_harness_set_sink_caps_str(rig.harness, downstream);
      caps[i] = query_sink(&rig);
    }
    EXPECT_TRUE(gst_caps_is_strictly_equal(caps[0].get(), caps[1].get())) << downstream;
  }
}

TEST(TsResample, FixatesToTheNearestRate) {
  for (auto [downstream, rate_hz] : {std::pair("audio/x-raw", 11025),
                                     {"audio/x-raw,rate=[16000,48000]", 16000},
                                     {"audio/x-raw,rate=[2,8000]", 8000},
                                     {"audio/x-raw,rate={8000,12000,48000}", 12000},
                                     {"audio/x-raw,rate=[2,48000,2]", 11026},
                                     {"audio/x-raw,rate=[100,400,100]", 400}}) {
    ElementRig rig("tsresample");
    rig.start(mono(11025), downstream);
    const GstAudioInfo out = rig.out_info();
    EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), rate_hz) << downstream;
  }
}

TEST(TsResample, KeepsMetasThatHoldForAnyAudio) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  const CapsPtr reference = make_caps("timestamp/x-ntp");
  for (int i : {0, 1}) {
    BufferPtr buffer = make_buffer(info, make_noise(info, 441, i), i * 10 * GST_MSECOND);
    gst_buffer_add_reference_timestamp_meta(buffer.get(), reference.get(),
                                            GST_SECOND + i * 10 * GST_MSECOND, 10 * GST_MSECOND);
    gst_buffer_add_protection_meta(buffer.get(), gst_structure_new_empty("note"));
    gst_buffer_add_audio_clipping_meta(buffer.get(), GST_FORMAT_DEFAULT, 1, 2);
    rig.push(std::move(buffer));
  }
  for (const BufferPtr& buffer : rig.take_buffers()) {
    const auto* stamp = gst_buffer_get_reference_timestamp_meta(buffer.get(), nullptr);
    ASSERT_NE(stamp, nullptr);
    EXPECT_EQ(stamp->timestamp, GST_SECOND + GST_BUFFER_PTS(buffer.get()));
    EXPECT_NE(gst_buffer_get_protection_meta(buffer.get()), nullptr);
    EXPECT_EQ(gst_buffer_get_audio_clipping_meta(buffer.get()), nullptr);
  }
}

// 10 ms from PTS 10 ms on, captured from `capture_ns` on; the segment starts at 15 ms. Width 64
// holds back more than a buffer, so that the output is far behind the input.
TEST(TsResample, MovesCaptureTimesWithThePts) {
  const GstAudioInfo info = make_info(mono(8000));
  const CapsPtr reference = make_caps("timestamp/x-ntp");
  ElementRig rig("tsresample", {{"lowpass-filter-width", "64"}});
  rig.start(mono(8000), to_rate(11025));
  rig.send_segment(15 * GST_MSECOND, GST_CLOCK_TIME_NONE);
  rig.take();
  const GstClockTime capture_ns = GST_SECOND;
  for (int i = 1; i <= 4; ++i) {
    BufferPtr buffer = make_buffer(info, make_noise(info, 80, i), i * 10 * GST_MSECOND);
    // The last one's clock began anew: what leaves with it was captured before that.
    const GstClockTime stamp_ns = i < 4 ? capture_ns + i * 10 * GST_MSECOND : 0;
    gst_buffer_add_reference_timestamp_meta(buffer.get(), reference.get(), stamp_ns,
                                            GST_CLOCK_TIME_NONE);
    rig.push(std::move(buffer));
  }
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  ASSERT_GE(buffers.size(), 2u);
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto* stamp = gst_buffer_get_reference_timestamp_meta(buffers[i].get(), nullptr);
    ASSERT_EQ(stamp == nullptr, i + 1 == buffers.size());
    if (!stamp) continue;
    EXPECT_EQ(stamp->timestamp, capture_ns + GST_BUFFER_PTS(buffers[i].get()));
    EXPECT_EQ(stamp->duration, GST_CLOCK_TIME_NONE);
  }
}

// Where the last frame reaches out of the segment, too.
TEST(TsResample, TellsAPositionWithinItsSegment) {
  const GstAudioInfo info = make_info(mono(44100));
  for (const GstClockTime stop : {1234567890, 1000000001, 1000010000})
    for (const char* to : {"8000", "48000"})
      for (const double rate : {1.0, -1.0}) {
        SCOPED_TRACE(testing::Message() << stop << " to " << to << " at " << rate);
        ElementRig rig("tsresample");
        rig.start(mono(44100), "audio/x-raw,rate=" + std::string(to));
        rig.send_segment(GST_SECOND, stop, rate);
        rig.push_all(info, make_noise(info, 44100, 1), 44100, GST_SECOND);
        rig.send_eos();
        gint64 position = -1;
        EXPECT_TRUE(gst_element_query_position(rig.element, GST_FORMAT_TIME, &position));
        EXPECT_EQ(position, rate > 0 ? stop : GST_SECOND);
      }
}

// Of what left.
TEST(TsResample, TellsItsPositionInStreamTime) {
  const GstAudioInfo info = make_info(mono(44100));
  for (const char* to : {"48000", "44100"}) {
    ElementRig rig("tsresample");
    rig.start(mono(44100), "audio/x-raw,rate=" + std::string(to));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = GST_SECOND;
    segment.time = 5 * GST_SECOND;
    rig.send(gst_event_new_segment(&segment));
    for (const int tenth : {0, 1, 2}) {
      rig.push_all(info, make_noise(info, 4410, 1), 441, GST_SECOND + tenth * GST_SECOND / 10);
      gint64 position = -1;
      EXPECT_TRUE(gst_element_query_position(rig.element, GST_FORMAT_TIME, &position));
      EXPECT_NEAR(position, 5 * GST_SECOND + (tenth + 1) * GST_SECOND / 10, GST_MSECOND) << to;
    }
    // Of what left before a seek nothing counts behind it.
    rig.send(gst_event_new_flush_start());
    rig.send(gst_event_new_flush_stop(TRUE));
    segment.start = 100 * GST_SECOND;
    segment.time = 0;
    rig.send(gst_event_new_segment(&segment));
    gint64 position = 0;
    const bool is_known = gst_element_query_position(rig.element, GST_FORMAT_TIME, &position);
    EXPECT_TRUE(!is_known || position == 0) << position;
  }
}

TEST(TsResample, DropsNothingForQos) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 4410, 1);
  ElementRig rig("tsresample", {{"qos", "true"}});
  rig.start(mono(44100), to_rate(48000));
  gst_harness_push_upstream_event(
      rig.harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND, GST_SECOND));
  rig.push_all(info, noise, 441);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
}

TEST(TsResample, RefusesDataBeforeCaps) {
  ElementRig rig("tsresample");
  rig.send(gst_event_new_stream_start("test"));
  rig.send_segment(0, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(rig.push(make_buffer(make_info(mono(44100)), Bytes(400), 0)), GST_FLOW_NOT_NEGOTIATED);
}

}  // namespace
}  // namespace torchstreamer::test
