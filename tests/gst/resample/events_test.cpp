// tsresample: position of events among the frames, new caps, latency.
#include <gtest/gtest.h>

#include "gst/resample/resample_cases.h"

namespace torchstreamer::test {
namespace {

/// Number of frames before the event `seqnum`; -1 if it was not pushed.
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
// out   [0, 480)  tag  [480, 960)   48000 Hz: about 470 frames are pushed with the first buffer,
//                                   about 480 with the second, which is split at the tag
TEST(TsResample, TagsKeepTheirPositionAmongTheFrames) {
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

TEST(TsResample, EventsWithoutAudioBeforeThemArePushedAtOnce) {
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.take();
  rig.send(gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "title", nullptr)));
  rig.send(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, gst_structure_new_empty("oob")));
  EXPECT_EQ(order(rig.take()), (Names{"tag", "custom-downstream-oob"}));
  rig.push_all(make_info(mono(44100)), make_noise(make_info(mono(44100)), 441, 1), 441);
  rig.take();
  rig.send(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, gst_structure_new_empty("oob")));
  EXPECT_EQ(order(rig.take()), Names{"custom-downstream-oob"}) << "this event is not serialised";
}

TEST(TsResample, TheTailIsPushedBeforeNewCaps) {
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

TEST(TsResample, SupportsChangesOfFormatChannelsAndLayout) {
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

TEST(TsResample, PostsOneMessagePerChangeOfLatency) {
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1);
  rig.send_caps(mono(16000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1) << "a different rate";
  rig.send_caps(mono(48000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1) << "passthrough, without latency";
  rig.send_caps(stereo(48000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 0) << "still without latency";
  rig.send_caps(stereo(16000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1) << "out of passthrough";
  rig.send_caps(mono(16000));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 0) << "the same latency with fewer channels";
}

TEST(TsResample, TheTailIsPushedWhenDownstreamChangesItsRate) {
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

}  // namespace
}  // namespace torchstreamer::test
