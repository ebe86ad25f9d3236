// tsresample: gaps, jumps of timestamps and flags that end a signal.
#include <gtest/gtest.h>

#include "gst/resample/resample_cases.h"

namespace torchstreamer::test {
namespace {

/// Expects two complete signals with a discontinuity between; the second starts at `second_ns`.
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

TEST(TsResample, AudioWithoutPtsHasOffsets) {
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

TEST(TsResample, TheTailIsPushedBeforeAGapEvent) {
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

// The receptive field of 44100 -> 48000 Hz is 14 frames: a gap of 5 frames continues the signal, a
// gap of 20 frames ends it.
TEST(TsResample, AGapEventShorterThanTheReceptiveFieldIsSilence) {
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
    const Names continued = {"buffer", "eos"}, ended = {"buffer", "gap", "buffer", "eos"};
    EXPECT_EQ(order(items), gap_frames == 5 ? continued : ended);
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

// The first output frames are pushed during the gap; only they have the flag.
TEST(TsResample, ADiscontinuityIsFlaggedOnceIfItsFramesArePushedDuringAGap) {
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
  for (const BufferPtr& pushed : buffers)
    EXPECT_EQ(has_flag(pushed, GST_BUFFER_FLAG_DISCONT), pushed == buffers.front());
}

// Output is flagged as a gap if it depends on silence only.
TEST(TsResample, FlagsGapsIfTheirOutputIsExactlySilent) {
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

TEST(TsResample, GapBuffersAreSilenceIndependentOfTheirContent) {
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

TEST(TsResample, TheTailIsPushedBeforeEventsThatEndASignal) {
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

}  // namespace
}  // namespace torchstreamer::test
