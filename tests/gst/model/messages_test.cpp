// tsmodel with output-mode=message: the audio passes unchanged, and the output of the model is
// posted as messages. The model "speech" computes 2 values per window of 480 frames with a hop of
// 160 frames, at 44100 / 160 = 275.625 Hz. The reference is its saved offline output.
#include <gtest/gtest.h>

#include "gst/support/listener.h"
#include "gst/support/model_rig.h"

namespace torchstreamer::test {
namespace {

const char kSpeech[] = "fractional/speech.script.pt";
constexpr int kHopFrames = 160, kValues = 2;

Settings with_messages(const std::string& file, const Settings& more = {}) {
  Settings settings = at(file, {{"output-mode", "message"}});
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

guint64 number(const StructurePtr& message, const char* field) {
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(message.get(), field, &value)) << field;
  return value;
}

std::vector<float> values(const StructurePtr& message) {
  const GValue* array = gst_structure_get_value(message.get(), "values");
  std::vector<float> found;
  for (guint i = 0; i < gst_value_array_get_size(array); ++i)
    found.push_back(g_value_get_float(gst_value_array_get_value(array, i)));
  return found;
}

Bytes all_values(const std::vector<StructurePtr>& messages) {
  std::vector<float> all;
  for (const StructurePtr& message : messages)
    for (const float value : values(message)) all.push_back(value);
  return bytes_of(all);
}

// The segment starts at 0.5 s with stream time 7 s, the first buffer at 1 s:
//
//     frame j   timestamp 1 s + j 160/44100 s   stream-time 7.5 s + ...   running-time 0.5 s + ...
//
// It depends on the input frames 160 j - 160 to 160 j + 319.
TEST(TsModelMessages, HaveValuesAndTimesOfEveryFrame) {
  const Fixture f = fixture(kSpeech);
  for (const int64_t frames_per_buffer : {1, 100, 5000}) {
    SCOPED_TRACE(frames_per_buffer);
    ElementRig rig("tsmodel", with_messages(kSpeech));
    Listener listener(rig.element);
    rig.start(audio(1));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = GST_SECOND / 2;
    segment.time = 7 * GST_SECOND;
    rig.send(gst_event_new_segment(&segment));
    rig.push_all(make_info(audio(1)), f.in, frames_per_buffer, GST_SECOND);
    rig.send_eos();
    const std::vector<StructurePtr> messages = listener.structures("tsmodel");
    expect_close(all_values(messages), f);
    for (size_t j = 0; j < messages.size(); ++j) {
      const GstClockTime begin_ns = time_of(j * kHopFrames), end_ns = time_of((j + 1) * kHopFrames);
      EXPECT_EQ(values(messages[j]).size(), static_cast<size_t>(kValues));
      EXPECT_EQ(number(messages[j], "timestamp"), GST_SECOND + begin_ns);
      EXPECT_EQ(number(messages[j], "stream-time"), 15 * GST_SECOND / 2 + begin_ns);
      EXPECT_EQ(number(messages[j], "running-time"), GST_SECOND / 2 + begin_ns);
      EXPECT_EQ(number(messages[j], "duration"), end_ns - begin_ns);
      const int64_t first = std::max<int64_t>(0, j * kHopFrames - 160);
      const int64_t end = std::min<int64_t>(kFixtureFrames, j * kHopFrames + 320);
      EXPECT_EQ(number(messages[j], "window-timestamp"), GST_SECOND + time_of(first));
      EXPECT_EQ(number(messages[j], "window-duration"), time_of(end) - time_of(first));
    }
    EXPECT_EQ(first_text(rig.take_errors()), "");
  }
}

TEST(TsModelMessages, LeaveTheAudioUnchanged) {
  const Fixture f = fixture(kSpeech);
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", with_messages(kSpeech));
  ASSERT_TRUE(rig.start(audio(1)));
  rig.take();
  std::vector<GstBuffer*> pushed;
  for (int64_t first = 0; first < 1200; first += 100) {
    BufferPtr buffer = make_buffer(info, slice(info, f.in, first, 100), time_of(first));
    GST_BUFFER_OFFSET(buffer.get()) = first;
    if (first == 500) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_GAP);
    if (first == 800) GST_BUFFER_PTS(buffer.get()) = GST_CLOCK_TIME_NONE;
    pushed.push_back(buffer.get());
    EXPECT_EQ(rig.push(std::move(buffer)), GST_FLOW_OK);
  }
  const std::vector<Item> output = rig.take();
  ASSERT_EQ(output.size(), pushed.size());
  for (size_t i = 0; i < pushed.size(); ++i) {
    EXPECT_EQ(output[i].buffer.get(), pushed[i]) << "a different buffer";
    EXPECT_EQ(read_frames(info, output[i].buffer.get()), slice(info, f.in, i * 100, 100));
    EXPECT_EQ(GST_BUFFER_PTS(output[i].buffer.get()),
              i == 8 ? GST_CLOCK_TIME_NONE : time_of(i * 100));
  }
  const CapsPtr caps = make_caps(audio(1));
  const GstAudioInfo out = rig.out_info();
  EXPECT_TRUE(gst_audio_info_is_equal(&out, &info));
  EXPECT_EQ(rig.latency_ns(), 0u);
  EXPECT_EQ(gst_harness_query_latency(rig.harness), 0u);
  EXPECT_EQ(rig.rate_ratio(), "1/160");
}

// Frame j depends on 480 input frames, from 160 j - 160 to 160 j + 319, and is posted with the
// last.
TEST(TsModelMessages, ArePostedWithTheLastFrameThatTheyNeed) {
  const Fixture f = fixture(kSpeech);
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", with_messages(kSpeech));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(info, slice(info, f.in, 0, 319), 319);
  EXPECT_EQ(listener.count("tsmodel"), 0);
  rig.push_all(info, slice(info, f.in, 319, 1), 1, time_of(319));
  EXPECT_EQ(listener.count("tsmodel"), 1);
  rig.push_all(info, slice(info, f.in, 320, 159), 159, time_of(320));
  EXPECT_EQ(listener.count("tsmodel"), 1);
  rig.push_all(info, slice(info, f.in, 479, 1), 1, time_of(479));
  EXPECT_EQ(listener.count("tsmodel"), 2);
}

TEST(TsModelMessages, StartAgainAfterDiscontinuities) {
  const Fixture f = fixture(kSpeech);
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", with_messages(kSpeech));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(info, f.in, 100);
  rig.push_all(info, f.in, 100, 10 * GST_SECOND);
  rig.send(gst_event_new_gap(20 * GST_SECOND, GST_SECOND));
  Bytes expected = f.out;
  expected.insert(expected.end(), f.out.begin(), f.out.end());
  const std::vector<StructurePtr> messages = listener.structures("tsmodel");
  expect_close(all_values(messages), expected, f.own_error);
  EXPECT_EQ(number(messages[messages.size() / 2], "timestamp"), 10 * GST_SECOND);
  const std::vector<Item> output = rig.take();
  ASSERT_TRUE(output.back().event);
  EXPECT_EQ(GST_EVENT_TYPE(output.back().event.get()), GST_EVENT_GAP);
}

TEST(TsModelMessages, DoNotDelayEvents) {
  ElementRig rig("tsmodel", with_messages(kSpeech));
  rig.start(audio(1));
  rig.push(make_buffer(make_info(audio(1)), Bytes(400), 0));
  rig.take();
  rig.send(gst_event_new_tag(gst_tag_list_new_empty()));
  EXPECT_EQ(rig.take().size(), 1u);
}

// Output rate and number of output channels are not restricted by caps.
TEST(TsModelMessages, NeedOnlyTheInputChannelsOfTheModel) {
  ElementRig rig("tsmodel", with_messages("up3.script.pt"));
  Listener listener(rig.element);
  const Fixture f = fixture("up3.script.pt");
  ASSERT_TRUE(rig.start(audio(1), audio(1)));
  rig.push_all(make_info(audio(1)), f.in, 500);
  rig.send_eos();
  expect_close(all_values(listener.structures("tsmodel")), f);

  ElementRig down("tsmodel", with_messages("down2.script.pt"));
  EXPECT_TRUE(down.start(audio(1, 44101)));
  EXPECT_EQ(first_text(down.take_errors()), "");

  ElementRig stereo("tsmodel", with_messages(kSpeech));
  stereo.start(audio(2));
  EXPECT_NE(first_text(stereo.take_errors()).find("does not take 2 channels"), std::string::npos);

  ElementRig each("tsmodel", with_messages(kSpeech, {{"channels", "each"}}));
  Listener of_each(each.element);
  ASSERT_TRUE(each.start(audio(2)));
  each.push_all(make_info(audio(2)), make_noise(make_info(audio(2)), 500, 1), 500);
  ASSERT_GT(of_each.count("tsmodel"), 0);
  EXPECT_EQ(values(of_each.structures("tsmodel")[0]).size(), 2u * kValues);
}

TEST(TsModelMessages, ContinueWithANewModel) {
  const Fixture old = fixture("down2.script.pt"), f = fixture(kSpeech);
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", with_messages(old.file));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(info, old.in, 100);
  rig.set("location", model_path(kSpeech));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.push_all(info, f.in, 100, time_of(kFixtureFrames));
  rig.send_eos();
  Bytes expected = old.out;
  expected.insert(expected.end(), f.out.begin(), f.out.end());
  const std::vector<StructurePtr> messages = listener.structures("tsmodel");
  expect_close(all_values(messages), expected, f.own_error);
  const GstClockTime last = time_of(kFixtureFrames) + time_of((f.out.size() / 8 - 1) * kHopFrames);
  EXPECT_NEAR(static_cast<double>(number(messages.back(), "timestamp")), static_cast<double>(last),
              1);
}

// The input of the models is split at the swap, but the buffer passes unchanged.
TEST(TsModelMessages, ContinueWithANewModelWithinABuffer) {
  const Fixture old = fixture("down2.script.pt"), f = fixture("same3.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel",
                 with_messages(old.file, {{"swap-time", std::to_string(time_of(1201))}}));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.set("location", model_path(f.file));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.take();
  Bytes both = old.in;
  both.insert(both.end(), f.in.begin(), f.in.end());
  for (const GstBufferFlags flag : {GST_BUFFER_FLAG_DISCONT, GST_BUFFER_FLAG_MARKER}) {
    BufferPtr buffer = make_buffer(info, both, flag == GST_BUFFER_FLAG_DISCONT ? 0 : GST_SECOND);
    GST_BUFFER_FLAG_SET(buffer.get(), flag);
    GstBuffer* const address = buffer.get();
    EXPECT_EQ(rig.push(std::move(buffer)), GST_FLOW_OK);
    const std::vector<Item> output = rig.take();
    ASSERT_EQ(output.size(), 1u);
    EXPECT_EQ(output[0].buffer.get(), address) << "a different buffer";
    if (flag == GST_BUFFER_FLAG_DISCONT) {
      EXPECT_EQ(listener.count("tsmodel-swap"), 1);
      rig.send_segment(0, GST_CLOCK_TIME_NONE);  // ends the signal
      Bytes expected = old.out;
      expected.insert(expected.end(), f.out.begin(), f.out.end());
      expect_close(all_values(listener.structures("tsmodel")), expected, f.own_error);
      rig.take();
    }
  }
}

TEST(TsModelMessages, CanBeSwitchedOffInReady) {
  const Fixture f = fixture("down2.script.pt");
  ElementRig rig("tsmodel", with_messages(f.file));
  gst_element_set_state(rig.element, GST_STATE_READY);
  rig.set("output-mode", "audio");
  change_state(rig.element, GST_STATE_PLAYING);
  expect_close(stream(&rig, f, 100), f);
}

TEST(TsModelMessages, HaveNoTimesInASegmentOfBytes) {
  const Fixture f = fixture(kSpeech);
  ElementRig rig("tsmodel", with_messages(kSpeech));
  Listener listener(rig.element);
  rig.start(audio(1));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  rig.send(gst_event_new_segment(&segment));
  rig.push_all(make_info(audio(1)), f.in, 100);
  rig.send_eos();
  const std::vector<StructurePtr> messages = listener.structures("tsmodel");
  expect_close(all_values(messages), f);
  for (const char* field : {"stream-time", "running-time"})
    EXPECT_EQ(number(messages.front(), field), GST_CLOCK_TIME_NONE) << field;
}

}  // namespace
}  // namespace torchstreamer::test
