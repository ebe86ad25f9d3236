// tsmodel with output-mode=message: the audio passes, and what the model makes of it is told. The
// model "speech" makes 2 values for windows of 480 frames, 160 apart, so its frames come at
// 44100 / 160 = 275.625 Hz. The oracle is its offline output, which lies beside it.
#include <gtest/gtest.h>

#include "gst/support/listener.h"
#include "gst/support/model_rig.h"

namespace torchstreamer::test {
namespace {

const char kSpeech[] = "fractional/speech.script.pt";
constexpr int kHopFrames = 160, kValues = 2;

Settings telling(const std::string& file, const Settings& more = {}) {
  Settings settings = at(file, {{"output-mode", "message"}});
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

guint64 number(const StructurePtr& told, const char* field) {
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(told.get(), field, &value)) << field;
  return value;
}

std::vector<float> values(const StructurePtr& told) {
  const GValue* array = gst_structure_get_value(told.get(), "values");
  std::vector<float> found;
  for (guint i = 0; i < gst_value_array_get_size(array); ++i)
    found.push_back(g_value_get_float(gst_value_array_get_value(array, i)));
  return found;
}

Bytes all_values(const std::vector<StructurePtr>& told) {
  std::vector<float> all;
  for (const StructurePtr& structure : told)
    for (const float value : values(structure)) all.push_back(value);
  return bytes_of(all);
}

// With the segment of 0.5 s to the end and the stream time 7 s there, the first buffer at 1 s:
//
//     frame j   timestamp 1 s + j 160/44100 s   stream-time 7.5 s + ...   running-time 0.5 s + ...
TEST(TsModelMessages, TellEveryFrameWithItsTimes) {
  const Fixture f = fixture(kSpeech);
  for (const int64_t frames_per_buffer : {1, 100, 5000}) {
    SCOPED_TRACE(frames_per_buffer);
    ElementRig rig("tsmodel", telling(kSpeech));
    Listener listener(rig.element);
    rig.start(audio(1));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = GST_SECOND / 2;
    segment.time = 7 * GST_SECOND;
    rig.send(gst_event_new_segment(&segment));
    rig.push_all(make_info(audio(1)), f.in, frames_per_buffer, GST_SECOND);
    rig.send_eos();
    const std::vector<StructurePtr> told = listener.structures("tsmodel");
    expect_close(all_values(told), f);
    for (size_t j = 0; j < told.size(); ++j) {
      const GstClockTime begin_ns = time_of(j * kHopFrames), end_ns = time_of((j + 1) * kHopFrames);
      EXPECT_EQ(values(told[j]).size(), static_cast<size_t>(kValues));
      EXPECT_EQ(number(told[j], "timestamp"), GST_SECOND + begin_ns);
      EXPECT_EQ(number(told[j], "stream-time"), 15 * GST_SECOND / 2 + begin_ns);
      EXPECT_EQ(number(told[j], "running-time"), GST_SECOND / 2 + begin_ns);
      EXPECT_EQ(number(told[j], "duration"), end_ns - begin_ns);
    }
    EXPECT_EQ(first_text(rig.take_errors()), "");
  }
}

TEST(TsModelMessages, LeaveTheAudioAsItIs) {
  const Fixture f = fixture(kSpeech);
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", telling(kSpeech));
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
  const std::vector<Item> left = rig.take();
  ASSERT_EQ(left.size(), pushed.size());
  for (size_t i = 0; i < pushed.size(); ++i) {
    EXPECT_EQ(left[i].buffer.get(), pushed[i]) << "another buffer";
    EXPECT_EQ(read_frames(info, left[i].buffer.get()), slice(info, f.in, i * 100, 100));
    EXPECT_EQ(GST_BUFFER_PTS(left[i].buffer.get()),
              i == 8 ? GST_CLOCK_TIME_NONE : time_of(i * 100));
  }
  const CapsPtr caps = make_caps(audio(1));
  const GstAudioInfo out = rig.out_info();
  EXPECT_TRUE(gst_audio_info_is_equal(&out, &info));
  EXPECT_EQ(rig.latency_ns(), 0u);
  EXPECT_EQ(gst_harness_query_latency(rig.harness), 0u);
  EXPECT_EQ(rig.rate_ratio(), "1/160");
}

// Of 480 frames around 160 j, 160 before: frame j is told with input frame 160 j + 319.
TEST(TsModelMessages, ComeWithTheLastFrameThatTheyNeed) {
  const Fixture f = fixture(kSpeech);
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", telling(kSpeech));
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

TEST(TsModelMessages, AreOfTheSignalsThatDiscontinuitiesMake) {
  const Fixture f = fixture(kSpeech);
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", telling(kSpeech));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(info, f.in, 100);
  rig.push_all(info, f.in, 100, 10 * GST_SECOND);
  rig.send(gst_event_new_gap(20 * GST_SECOND, GST_SECOND));
  Bytes expected = f.out;
  expected.insert(expected.end(), f.out.begin(), f.out.end());
  const std::vector<StructurePtr> told = listener.structures("tsmodel");
  expect_close(all_values(told), expected, f.own_error);
  EXPECT_EQ(number(told[told.size() / 2], "timestamp"), 10 * GST_SECOND);
  const std::vector<Item> left = rig.take();
  ASSERT_TRUE(left.back().event);
  EXPECT_EQ(GST_EVENT_TYPE(left.back().event.get()), GST_EVENT_GAP);
}

TEST(TsModelMessages, EventsPassAtOnce) {
  ElementRig rig("tsmodel", telling(kSpeech));
  rig.start(audio(1));
  rig.push(make_buffer(make_info(audio(1)), Bytes(400), 0));
  rig.take();
  rig.send(gst_event_new_tag(gst_tag_list_new_empty()));
  EXPECT_EQ(rig.take().size(), 1u);
}

// A rate that the model makes no whole number of, and channels that it makes others of.
TEST(TsModelMessages, NeedOnlyTheChannelsOfTheModel) {
  ElementRig rig("tsmodel", telling("up3.script.pt"));
  Listener listener(rig.element);
  const Fixture f = fixture("up3.script.pt");
  ASSERT_TRUE(rig.start(audio(1), audio(1)));
  rig.push_all(make_info(audio(1)), f.in, 500);
  rig.send_eos();
  expect_close(all_values(listener.structures("tsmodel")), f);

  ElementRig down("tsmodel", telling("down2.script.pt"));
  EXPECT_TRUE(down.start(audio(1, 44101)));
  EXPECT_EQ(first_text(down.take_errors()), "");

  ElementRig stereo("tsmodel", telling(kSpeech));
  stereo.start(audio(2));
  EXPECT_NE(first_text(stereo.take_errors()).find("does not take 2 channels"), std::string::npos);

  ElementRig each("tsmodel", telling(kSpeech, {{"channels", "each"}}));
  Listener of_each(each.element);
  ASSERT_TRUE(each.start(audio(2)));
  each.push_all(make_info(audio(2)), make_noise(make_info(audio(2)), 500, 1), 500);
  ASSERT_GT(of_each.count("tsmodel"), 0);
  EXPECT_EQ(values(of_each.structures("tsmodel")[0]).size(), 2u * kValues);
}

TEST(TsModelMessages, AnotherModelTakesOver) {
  const Fixture old = fixture("down2.script.pt"), f = fixture(kSpeech);
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", telling(old.file));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(info, old.in, 100);
  rig.set("location", model_path(kSpeech));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.push_all(info, f.in, 100, time_of(kFixtureFrames));
  rig.send_eos();
  Bytes expected = old.out;
  expected.insert(expected.end(), f.out.begin(), f.out.end());
  const std::vector<StructurePtr> told = listener.structures("tsmodel");
  expect_close(all_values(told), expected, f.own_error);
  const GstClockTime last = time_of(kFixtureFrames) + time_of((f.out.size() / 8 - 1) * kHopFrames);
  EXPECT_NEAR(static_cast<double>(number(told.back(), "timestamp")), static_cast<double>(last), 1);
}

// Only what the models hear is cut: the audio passes as it is.
TEST(TsModelMessages, AnotherModelTakesOverWithinABuffer) {
  const Fixture old = fixture("down2.script.pt"), f = fixture("same3.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", telling(old.file, {{"swap-time", std::to_string(time_of(1201))}}));
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
    const std::vector<Item> left = rig.take();
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].buffer.get(), address) << "another buffer";
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

TEST(TsModelMessages, AreForReadyToChoose) {
  const Fixture f = fixture("down2.script.pt");
  ElementRig rig("tsmodel", telling(f.file));
  gst_element_set_state(rig.element, GST_STATE_READY);
  rig.set("output-mode", "audio");
  gst_element_set_state(rig.element, GST_STATE_PLAYING);
  expect_close(stream(&rig, f, 100), f);
}

TEST(TsModelMessages, HaveNoTimesBehindASegmentOfBytes) {
  const Fixture f = fixture(kSpeech);
  ElementRig rig("tsmodel", telling(kSpeech));
  Listener listener(rig.element);
  rig.start(audio(1));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  rig.send(gst_event_new_segment(&segment));
  rig.push_all(make_info(audio(1)), f.in, 100);
  rig.send_eos();
  const std::vector<StructurePtr> told = listener.structures("tsmodel");
  expect_close(all_values(told), f);
  for (const char* field : {"stream-time", "running-time"})
    EXPECT_EQ(number(told.front(), field), GST_CLOCK_TIME_NONE) << field;
}

}  // namespace
}  // namespace torchstreamer::test
