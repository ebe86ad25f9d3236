// Seeks from the thread of the application: after each seek the output, with its timestamps, equals
// that of a new element which starts at that position.
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "gst/support/model_rig.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

constexpr int kHz = 8000;  // a frame is a whole number of nanoseconds
constexpr int64_t kFrames = 2 * kHz;
constexpr int kSeeks = 1000;

struct Subject {
  std::string factory;
  Settings settings;
  std::string out;  // output caps
};

std::ostream& operator<<(std::ostream& out, const Subject& s) {
  return out << s.factory << (s.settings.empty() ? "" : " " + s.settings[0].second);
}

class Seeks : public testing::TestWithParam<Subject> {
 protected:
  Seeks() {
    const fs::path file = folder_ / "noise.f32";
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(noise_.data()), noise_.size());
    const std::string launch =
        "filesrc location=" + file.string() +
        " ! rawaudioparse pcm-format=f32le num-channels=1 sample-rate=" + std::to_string(kHz) +
        " ! " + GetParam().factory + " name=subject ! " + GetParam().out +
        " ! fakesink name=end signal-handoffs=true";
    pipeline_ = gst_parse_launch(launch.c_str(), nullptr);
    GstElement* subject = gst_bin_get_by_name(GST_BIN(pipeline_), "subject");
    for (const auto& [name, value] : GetParam().settings)
      gst_util_set_object_arg(G_OBJECT(subject), name.c_str(), value.c_str());
    gst_object_unref(subject);
    GstElement* end = gst_bin_get_by_name(GST_BIN(pipeline_), "end");
    g_signal_connect(end, "preroll-handoff", G_CALLBACK(keep), this);
    gst_object_unref(end);
  }
  ~Seeks() override {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(pipeline_);
  }

  static void keep(GstElement*, GstBuffer* buffer, GstPad* pad, gpointer data) {
    auto* self = static_cast<Seeks*>(data);
    self->first_.reset(gst_buffer_ref(buffer));
    self->caps_.reset(gst_pad_get_current_caps(pad));
  }

  bool is_prerolled() {
    return gst_element_get_state(pipeline_, nullptr, nullptr, 20 * GST_SECOND) ==
           GST_STATE_CHANGE_SUCCESS;
  }

  bool seek(double rate, int64_t frame) {
    const auto flags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE);
    return gst_element_seek(pipeline_, rate, GST_FORMAT_TIME, flags, GST_SEEK_TYPE_SET,
                            gst_util_uint64_scale(frame, GST_SECOND, kHz), GST_SEEK_TYPE_NONE, 0);
  }

  /// Compares the first buffer after a seek to `frame` with the output of a new element for the
  /// input from `frame` on.
  void expect_fresh_start(int64_t frame) {
    const GstClockTime begin_ns = gst_util_uint64_scale(frame, GST_SECOND, kHz);
    ElementRig rig(GetParam().factory, GetParam().settings);
    ASSERT_TRUE(rig.start(audio(1, kHz), GetParam().out));
    const GstAudioInfo info = make_info(audio(1, kHz));
    rig.push(make_buffer(info, slice(info, noise_, frame, kFrames - frame), begin_ns));
    rig.send_eos();
    Bytes expected = rig.take_frames();
    ASSERT_TRUE(first_);
    EXPECT_EQ(GST_BUFFER_PTS(first_.get()), begin_ns);
    EXPECT_TRUE(has_flag(first_, GST_BUFFER_FLAG_DISCONT));
    GstAudioInfo out;
    ASSERT_TRUE(gst_audio_info_from_caps(&out, caps_.get()));
    const Bytes made = read_frames(out, first_.get());
    ASSERT_LE(made.size(), expected.size());
    expected.resize(made.size());
    expect_close(made, expected);
  }

  const TemporaryFolder folder_;
  const Bytes noise_ = make_noise(make_info(audio(1, kHz)), kFrames, 1);
  GstElement* pipeline_;
  BufferPtr first_;  // first output buffer after the last seek
  CapsPtr caps_;
};

TEST_P(Seeks, HaveTheOutputOfANewElement) {
  ASSERT_NE(gst_element_set_state(pipeline_, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  ASSERT_TRUE(is_prerolled());
  std::mt19937 random(1);
  constexpr double kSpeeds[] = {0.5, 1, 2};
  for (int i = 0; i < kSeeks && !HasFailure(); ++i) {
    const int64_t frame = random() % (kFrames - 2000);
    SCOPED_TRACE(testing::Message() << "seek " << i << " to frame " << frame);
    if (i % 3 == 0) seek(1, random() % kFrames);  // the next seek interrupts this one
    ASSERT_TRUE(seek(kSpeeds[random() % 3], frame));
    ASSERT_TRUE(is_prerolled());
    expect_fresh_start(frame);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Elements, Seeks,
    testing::Values(Subject{"tsresample", {}, "audio/x-raw,rate=44100"},
                    Subject{
                        "tsresample", {{"block-duration", "5000000"}}, "audio/x-raw,rate=11025"},
                    Subject{"tsmodel", at("known_ahead.script.pt"), "audio/x-raw"},
                    Subject{"tsmodel", at("known_up.script.pt"), "audio/x-raw"},
                    Subject{"tsmodel", at("known_rational.script.pt"), "audio/x-raw"}));

}  // namespace
}  // namespace torchstreamer::test
