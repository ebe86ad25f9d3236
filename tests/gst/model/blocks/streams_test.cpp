// tsmodel with models that are called block by block and whose output is audio: equal to a plain
// loop for every split of the input, with gaps, flushes and segments.
#include "loops.h"

namespace torchstreamer::test {
namespace {

class TsModelBlocks : public ::testing::TestWithParam<Loop> {
 protected:
  const Bytes in_ = loop_signal(), out_ = loop_output(GetParam().name);
};

TEST_P(TsModelBlocks, EqualThePlainLoopForRandomBuffers) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    ElementRig rig("tsmodel", settings_of(GetParam()));
    ASSERT_TRUE(rig.start(audio(1, kLoopHz))) << first_text(rig.take_errors());
    RandomBuffers(&rig, seed).push(in_, 0, kLoopFrames);
    rig.send_eos();
    expect_close(rig.take_frames(), out_);
    EXPECT_EQ(first_text(rig.take_errors()), "");
  }
}

// Output frame j has the time j hop / K: windows start hop frames apart, and each gives K frames.
TEST_P(TsModelBlocks, HaveExactTimesLatencyAndCaps) {
  const Loop& loop = GetParam();
  ElementRig rig("tsmodel", settings_of(loop));
  ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
  rig.take();
  EXPECT_EQ(rig.latency_ns(),
            gst_util_uint64_scale_ceil(loop.window_frames - 1, GST_SECOND, kLoopHz));
  RandomBuffers(&rig, 4).push(in_, 0, kLoopFrames);
  rig.send_eos();
  const GstAudioInfo out = rig.out_info();
  EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), kLoopHz * loop.frames_per_call / loop.hop_frames);
  EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), loop.channels_out);
  int64_t frames = 0;
  for (const BufferPtr& buffer : rig.take_buffers()) {
    EXPECT_EQ(
        GST_BUFFER_PTS(buffer.get()),
        kLoopStart + gst_util_uint64_scale_round(frames, GST_SECOND, GST_AUDIO_INFO_RATE(&out)));
    frames += gst_buffer_get_size(buffer.get()) / GST_AUDIO_INFO_BPF(&out);
  }
  EXPECT_GT(frames, 0);
}

TEST_P(TsModelBlocks, StartANewSignalAfterADiscontinuity) {
  ElementRig rig("tsmodel", settings_of(GetParam()));
  ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
  RandomBuffers buffers(&rig, 5);
  buffers.push(in_, 0, kLoopFrames);
  buffers.push(in_, 0, kLoopFrames, 10 * GST_SECOND);
  rig.send_segment(20 * GST_SECOND, GST_CLOCK_TIME_NONE);
  buffers.push(in_, 0, kLoopFrames, 20 * GST_SECOND);
  rig.send_eos();
  expect_close(rig.take_frames(), out_ + out_ + out_);
}

TEST_P(TsModelBlocks, ProcessAShortGapAsSilence) {
  ElementRig rig("tsmodel", settings_of(GetParam()));
  ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
  RandomBuffers buffers(&rig, 6);
  buffers.push(in_, 0, kGapBegin);
  rig.send(gst_event_new_gap(kLoopStart + loop_time(kGapBegin), loop_time(kGapEnd - kGapBegin)));
  buffers.push(in_, kGapEnd, kLoopFrames);
  rig.send_eos();
  expect_close(rig.take_frames(), loop_output(GetParam().name, "gap"));
  EXPECT_EQ(rig.stat("resets"), 1u);
}

TEST_P(TsModelBlocks, StartANewSignalAfterALongGap) {
  ElementRig rig("tsmodel", settings_of(GetParam()));
  ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
  RandomBuffers buffers(&rig, 7);
  buffers.push(in_, 0, kLoopFrames);
  rig.send(gst_event_new_gap(kLoopStart + loop_time(kLoopFrames), GST_SECOND));
  buffers.push(in_, 0, kLoopFrames, kLoopStart + loop_time(kLoopFrames) + GST_SECOND);
  rig.send_eos();
  expect_close(rig.take_frames(), out_ + out_);
}

TEST_P(TsModelBlocks, AreResetByAFlush) {
  ElementRig rig("tsmodel", settings_of(GetParam()));
  ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
  RandomBuffers buffers(&rig, 8);
  buffers.push(in_, 0, 1111);
  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  rig.send_segment(0, GST_CLOCK_TIME_NONE);
  rig.take();
  buffers.push(in_, 0, kLoopFrames);
  rig.send_eos();
  expect_close(rig.take_frames(), out_);
}

TEST_P(TsModelBlocks, OfOneFileDoNotDisturbEachOther) {
  ElementRig one("tsmodel", settings_of(GetParam())), two("tsmodel", settings_of(GetParam()));
  ASSERT_TRUE(one.start(audio(1, kLoopHz)) && two.start(audio(1, kLoopHz)));
  RandomBuffers of_one(&one, 9), of_two(&two, 10);
  for (int64_t begin = 0; begin < kLoopFrames; begin += 1500) {
    of_one.push(in_, begin, begin + 1500);
    of_two.push(in_, begin, begin + 1500);
  }
  one.send_eos();
  two.send_eos();
  expect_close(one.take_frames(), out_);
  expect_close(two.take_frames(), out_);
}

TEST_P(TsModelBlocks, StartAgainAfterTheyWereStopped) {
  ElementRig rig("tsmodel", settings_of(GetParam()));
  ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
  RandomBuffers buffers(&rig, 11);
  buffers.push(in_, 0, 1234);
  for (const GstState stopped : {GST_STATE_READY, GST_STATE_NULL}) {
    gst_element_set_state(rig.element, stopped);
    ASSERT_EQ(change_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
    rig.take();
    buffers.push(in_, 0, kLoopFrames);
    rig.send_eos();
    expect_close(rig.take_frames(), out_);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TsModelBlocks, ::testing::ValuesIn(kAudioLoops),
                         [](const auto& info) { return info.param.name; });

// The signal has 70 windows of 128 frames and 40 frames more.
TEST(TsModelTail, IsPaddedDroppedOrShort) {
  const Bytes out = loop_output(kRecurrent.name);
  for (const auto& [tail, frames] :
       {std::pair("auto", kLoopFrames), std::pair("pad", kLoopFrames),
        std::pair("drop", int64_t{70 * 128}), std::pair("short", kLoopFrames)}) {
    SCOPED_TRACE(tail);
    ElementRig rig("tsmodel", settings_of(kRecurrent, {{"tail", tail}}));
    ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
    RandomBuffers(&rig, 12).push(loop_signal(), 0, kLoopFrames);
    rig.send_eos();
    expect_close(rig.take_frames(), slice(make_info(audio(1, kLoopHz)), out, 0, frames));
  }
}

}  // namespace
}  // namespace torchstreamer::test
