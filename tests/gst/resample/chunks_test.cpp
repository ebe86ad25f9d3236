// tsresample: one signal in buffers of any size, format and layout.
#include <gtest/gtest.h>

#include "gst/resample/resample_cases.h"

namespace torchstreamer::test {
namespace {

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
TEST_P(Splits, CountsTimesAndBitsDoNotDependOnTheBufferSize) {
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
    ASSERT_FALSE(buffers.empty()) << "no output";
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
    for (int64_t frames : {1, 7, 127, source_hz / 100, 4410, 100000})  // the last two: one buffer
      splits.push_back({source_hz, target_hz, frames});
  return splits;
}

INSTANTIATE_TEST_SUITE_P(TsResample, Splits, testing::ValuesIn(all_splits()));

TEST(TsResample, SupportsAllFormatsAndLayouts) {
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

TEST(TsResample, SupportsManyChannelsWithoutPositions) {
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

TEST(TsResample, OutputOfOneFrameIsPushedBeforeEos) {
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

TEST(TsResample, EmptyBuffersNeedNoMetaOrTimestamp) {
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

TEST(TsResample, AFlushResetsTheSignalWithoutATail) {
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

}  // namespace
}  // namespace torchstreamer::test
