// tsmodel: output, timestamps and latency. The reference is the output of the offline module, which
// make_models.py saves with each model.
#include <gtest/gtest.h>
#include <cmath>
#include <set>

#include "gst/model/shapes.h"
#include "gst/support/model_rig.h"

namespace torchstreamer::test {
namespace {

std::vector<std::string> good_files() {
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(models())) {
    const std::string file = entry.path().filename().string();
    const std::string signal = file.substr(0, file.find('.')) + ".in.f32";
    if (entry.path().extension() == ".pt" && fs::exists(models() / signal)) files.insert(file);
  }
  return {files.begin(), files.end()};
}

TEST(TsModel, OutputIsBitIdenticalForEveryBufferSize) {
  // Models that run natively; results of libtorch's kernels depend on the size of a push.
  for (const char* file : {"same3.script.pt", "down2.script.pt", "up3.script.pt"}) {
    const Fixture f = fixture(file);
    ElementRig whole("tsmodel", at(file));
    const Bytes expected = stream(&whole, f, kFixtureFrames);
    for (int64_t frames_per_buffer : {1, 2, 7, 64, 441, 1200}) {
      ElementRig rig("tsmodel", at(file));
      EXPECT_TRUE(stream(&rig, f, frames_per_buffer) == expected)
          << file << " by " << frames_per_buffer;
    }
  }
}

TEST(TsModel, EqualsTheOfflineModelForEveryBufferSize) {
  const std::vector<std::string> files = good_files();
  ASSERT_GE(files.size(), 10u);
  for (const std::string& file : files) {
    const Fixture f = fixture(file);
    for (int64_t frames_per_buffer : {1, 7, 441, 2000}) {
      SCOPED_TRACE(file + " by " + std::to_string(frames_per_buffer));
      ElementRig rig("tsmodel", at(file));
      expect_close(stream(&rig, f, frames_per_buffer), f);
      EXPECT_EQ(first_text(rig.take_errors()), "");
    }
  }
}

/// Expects the times and offsets of one signal of `frames` frames that starts at 1 s.
void expect_timeline(const std::vector<BufferPtr>& buffers, const GstAudioInfo& info,
                     int64_t frames) {
  const int rate_hz = GST_AUDIO_INFO_RATE(&info);
  int64_t frame = 0;
  for (const BufferPtr& buffer : buffers) {
    const int64_t end = frame + gst_buffer_get_size(buffer.get()) / GST_AUDIO_INFO_BPF(&info);
    const GstClockTime begin_ns = gst_util_uint64_scale_round(frame, GST_SECOND, rate_hz);
    const GstClockTime end_ns = gst_util_uint64_scale_round(end, GST_SECOND, rate_hz);
    EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), GST_SECOND + begin_ns);
    EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), end_ns - begin_ns);
    EXPECT_EQ(GST_BUFFER_OFFSET(buffer.get()), static_cast<guint64>(rate_hz + frame));
    EXPECT_EQ(GST_BUFFER_OFFSET_END(buffer.get()), static_cast<guint64>(rate_hz + end));
    EXPECT_EQ(has_flag(buffer, GST_BUFFER_FLAG_DISCONT), frame == 0);
    frame = end;
  }
  EXPECT_EQ(frame, frames);
}

// down2 at 44100 Hz: output frame j is pushed with input frame 2 j + 2; its PTS is j / 22050 s.
TEST(TsModel, HasExactTimestamps) {
  for (const Shape& shape : kShapes) {
    const Fixture f = fixture(shape.file);
    const GstAudioInfo in = make_info(audio(shape.channels_in));
    for (int64_t frames_per_buffer : {1, 7, 100, 480, kFixtureFrames}) {
      SCOPED_TRACE(shape.file + std::string(" by ") + std::to_string(frames_per_buffer));
      ElementRig rig("tsmodel", at(shape.file));
      rig.start(audio(shape.channels_in));
      rig.push_all(in, f.in, frames_per_buffer, GST_SECOND);
      rig.send_eos();
      const GstAudioInfo out = rig.out_info();
      EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), kRateHz * shape.num / shape.den);
      EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), shape.channels_out);
      expect_timeline(rig.take_buffers(), out, f.out.size() / GST_AUDIO_INFO_BPF(&out));
    }
  }
}

TEST(TsModel, ReportsTheLookAheadAsLatency) {
  for (auto [file, look_ahead_frames] :
       {std::pair("gain2.script.pt", 0), {"same3.script.pt", 1}, {"down2.script.pt", 2}}) {
    ElementRig rig("tsmodel", at(file));
    EXPECT_EQ(gst_harness_query_latency(rig.harness), 0u) << "before caps";
    rig.start(audio(fixture(file).channels_in));
    const GstClockTime expected =
        gst_util_uint64_scale_ceil(look_ahead_frames, GST_SECOND, kRateHz);
    EXPECT_EQ(rig.latency_ns(), expected) << file;
    EXPECT_EQ(gst_harness_query_latency(rig.harness), expected);
    EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), look_ahead_frames > 0 ? 1 : 0);
  }
}

TEST(TsModel, ValidPaddingDropsTheEdges) {
  const Fixture f = fixture("same3.script.pt");
  ElementRig rig("tsmodel", at(f.file, {{"padding", "valid"}}));
  const Bytes inner(f.out.begin() + sizeof(float), f.out.end() - sizeof(float));
  expect_close(stream(&rig, f, 100), inner, f.own_error);
}

// A recurrence is reset after frames that are not finite. Without its recurrence the receptive
// field of the model is bounded; output frames whose field has only finite frames must be finite.
class NotFinite : public testing::TestWithParam<float> {};

INSTANTIATE_TEST_SUITE_P(TsModel, NotFinite, testing::Values(NAN, INFINITY, -INFINITY));

TEST_P(NotFinite, IsCountedAndResetsTheRecurrence) {
  const Fixture f = fixture("recurrent.script.pt");
  constexpr int kBadFrame = 300;
  std::vector<float> x = floats(f.in);
  x[kBadFrame * f.channels_in] = GetParam();
  for (int64_t frames_per_buffer : {1, 100, 2000}) {
    SCOPED_TRACE(frames_per_buffer);
    ElementRig rig("tsmodel", at(f.file));
    const std::vector<float> y =
        floats(stream(&rig, {f.file, bytes_of(x), f.out, f.channels_in, 0}, frames_per_buffer));
    EXPECT_GE(rig.stat("recoveries"), 1u);
    ASSERT_EQ(y.size(), floats(f.out).size());
    const int64_t channels = y.size() / kFixtureFrames, field = rig.stat("receptive-field-frames");
    ASSERT_LT(field, kBadFrame);
    for (int64_t t = 0; t < kFixtureFrames; ++t)
      for (int64_t c = 0; c < channels; ++c) {
        const bool may_be_bad = std::abs(t - kBadFrame) < field;
        ASSERT_TRUE(may_be_bad || std::isfinite(y[t * channels + c])) << "frame " << t;
      }
    EXPECT_EQ(first_text(rig.take_errors()), "");
  }
  ElementRig clean("tsmodel", at(f.file));
  stream(&clean, f, 100);
  EXPECT_EQ(clean.stat("recoveries"), 0u);
}

TEST(TsModel, AcceptsFileUris) {
  const Fixture f = fixture("same3.script.pt");
  ElementRig rig("tsmodel", {{"location", "file://" + model_path(f.file)}});
  expect_close(stream(&rig, f, 100), f);
}

TEST(TsModel, ForwardsEosWithoutDataAndAfterOneFrame) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.file);
    ElementRig before_caps("tsmodel", at(shape.file));
    before_caps.send(gst_event_new_stream_start("test"));
    before_caps.send_eos();
    EXPECT_EQ(before_caps.take().size(), 2u);

    ElementRig nothing("tsmodel", at(shape.file));
    nothing.start(audio(shape.channels_in));
    nothing.send_eos();
    EXPECT_TRUE(nothing.take_buffers().empty());

    ElementRig one("tsmodel", at(shape.file));
    const GstAudioInfo info = make_info(audio(shape.channels_in));
    one.start(audio(shape.channels_in));
    one.push_all(info, slice(info, fixture(shape.file).in, 0, 1), 1);
    one.send_eos();
    // One frame is too short for down2's window of 4 over 1 + 2 frames.
    const uint64_t expected = shape.den == 2 ? 0 : shape.num;
    EXPECT_EQ(one.stat("frames-out"), expected);
    const std::vector<Item> items = one.take();
    EXPECT_EQ(GST_EVENT_TYPE(items.back().event.get()), GST_EVENT_EOS);
    EXPECT_EQ(first_text(one.take_errors()), "");
    const std::string warning = first_text(one.take_errors(GST_MESSAGE_WARNING));
    EXPECT_EQ(warning.find("2 frames would work") != std::string::npos, expected == 0) << warning;
  }
}

TEST(TsModel, IsResetByAFlush) {
  const Fixture f = fixture("same3.script.pt");
  ElementRig rig("tsmodel", at(f.file));
  rig.start(audio(1));
  rig.push_all(make_info(audio(1)), f.in, 100);
  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  expect_close(stream(&rig, f, 100), f);
}

TEST(TsModel, ADiscontinuityAndNewCapsEndTheSignal) {
  const Fixture f = fixture("down2.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", at(f.file));
  rig.start(audio(1));
  rig.push_all(info, f.in, 100);
  rig.push_all(info, f.in, 100, 10 * GST_SECOND);
  rig.send_caps(audio(1, 48000));
  rig.push_all(make_info(audio(1, 48000)), f.in, 100, 20 * GST_SECOND);
  rig.send_eos();
  Bytes expected;
  for (int i = 0; i < 3; ++i) expected.insert(expected.end(), f.out.begin(), f.out.end());
  std::vector<GstClockTime> starts;
  Bytes frames;
  for (const BufferPtr& buffer : rig.take_buffers()) {
    if (has_flag(buffer, GST_BUFFER_FLAG_DISCONT)) starts.push_back(GST_BUFFER_PTS(buffer.get()));
    const Bytes part = read_frames(rig.out_info(), buffer.get());
    frames.insert(frames.end(), part.begin(), part.end());
  }
  expect_close(frames, expected, f.own_error);
  EXPECT_EQ(starts, (std::vector<GstClockTime>{0, 10 * GST_SECOND, 20 * GST_SECOND}));
}

}  // namespace
}  // namespace torchstreamer::test
