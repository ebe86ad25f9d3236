// tsmodel: models from files as elements. The oracle is the offline module's output, which the
// generator of the fixtures leaves beside each model.
#include <gmodule.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iostream>
#include <set>

#include "../temporary_folder.h"
#include "gst_main.h"
#include "model_rig.h"
#include "player.h"

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

TEST(TsModel, IsTheSameBitForBitForEverySplit) {
  // Those that run without libtorch, whose kernels depend on the size of a push.
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

TEST(TsModel, EqualsTheOfflineModelForEverySplit) {
  const std::vector<std::string> files = good_files();
  ASSERT_GE(files.size(), 10u);
  for (const std::string& file : files) {
    const Fixture f = fixture(file);
    for (int64_t frames_per_buffer : {1, 7, 441, 2000}) {
      SCOPED_TRACE(file + " by " + std::to_string(frames_per_buffer));
      ElementRig rig("tsmodel", at(file));
      expect_close(stream(&rig, f, frames_per_buffer), f.out);
      EXPECT_EQ(first_text(rig.take_errors()), "");
    }
  }
}

struct Shape {
  const char* file;
  int channels_in, channels_out;
  int num, den;  // of the rate
};

constexpr Shape kShapes[] = {{"gain2.script.pt", 2, 2, 1, 1},
                             {"same3.trace.pt", 1, 1, 1, 1},
                             {"down2.script.pt", 1, 1, 1, 2},
                             {"up3.script.pt", 1, 2, 3, 1}};

/// One signal of `frames` frames that starts at 1 s.
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

// down2 at 44100 Hz: frame j of the output leaves with input frame 2 j + 2; its PTS is j / 22050 s.
TEST(TsModel, StampsExactTimes) {
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
  expect_close(stream(&rig, f, 100), inner);
}

// A recurrence begins anew behind frames that are not finite; where its receptive field, that of
// the frame alone, does not hold them, the output is finite.
class NotFinite : public testing::TestWithParam<float> {};

INSTANTIATE_TEST_SUITE_P(TsModel, NotFinite, testing::Values(NAN, INFINITY, -INFINITY));

TEST_P(NotFinite, IsCountedAndForgotten) {
  const Fixture f = fixture("recurrent.script.pt");
  constexpr int kBadFrame = 300;
  std::vector<float> x = floats(f.in);
  x[kBadFrame * f.channels_in] = GetParam();
  for (int64_t frames_per_buffer : {1, 100, 2000}) {
    SCOPED_TRACE(frames_per_buffer);
    ElementRig rig("tsmodel", at(f.file));
    const std::vector<float> y =
        floats(stream(&rig, {f.file, bytes_of(x), f.out, f.channels_in}, frames_per_buffer));
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

TEST(TsModel, TakesFileUris) {
  const Fixture f = fixture("same3.script.pt");
  ElementRig rig("tsmodel", {{"location", "file://" + model_path(f.file)}});
  expect_close(stream(&rig, f, 100), f.out);
}

/// What the element's `pad` can be, given what its peer on the other side can be.
std::string query_caps(const char* file, const char* pad_name, const std::string& other_side) {
  ElementRig rig("tsmodel", at(file));
  GstPad* pad = gst_element_get_static_pad(rig.element, pad_name);
  if (std::string(pad_name) == "sink")
    gst_harness_set_sink_caps_str(rig.harness, other_side.c_str());
  else
    gst_harness_set_src_caps_str(rig.harness, other_side.c_str());
  const CapsPtr caps(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  gchar* text = gst_caps_to_string(caps.get());
  const std::string result = text;
  g_free(text);
  return result;
}

void expect_caps(const char* file, const char* other_side, const std::string& expected) {
  const CapsPtr actual = make_caps(query_caps(file, "sink", other_side));
  const CapsPtr wanted =
      make_caps(expected == "EMPTY" ? expected
                                    : std::string("audio/x-raw,layout=interleaved,format=") +
                                          GST_AUDIO_NE(F32) + "," + expected);
  EXPECT_TRUE(gst_caps_is_equal(actual.get(), wanted.get()))
      << file << " before " << other_side << ": " << query_caps(file, "sink", other_side);
}

TEST(TsModel, OffersUpstreamWhatDownstreamAndTheModelAllow) {
  expect_caps("down2.script.pt", "audio/x-raw,rate=8000", "channels=1,rate=16000");
  expect_caps("down2.script.pt", "audio/x-raw,rate={8000,11025}", "channels=1,rate={16000,22050}");
  expect_caps("down2.script.pt", "audio/x-raw,rate=[100,8000]", "channels=1,rate=[200,16000,2]");
  expect_caps("down2.script.pt", "audio/x-raw,rate=[7,2147483647]",
              "channels=1,rate=[14,2147483646,2]");
  expect_caps("up3.script.pt", "audio/x-raw,rate=48000", "channels=1,rate=16000");
  expect_caps("up3.script.pt", "audio/x-raw,rate=[1,100]", "channels=1,rate=[1,33]");
  expect_caps("up3.script.pt", "audio/x-raw,rate=44101", "EMPTY");
  expect_caps("up3.script.pt", "audio/x-raw,rate=48000,channels=1", "EMPTY");
  expect_caps("up3.script.pt", "audio/x-raw,rate=48000,channels=2,channel-mask=(bitmask)0x3",
              "channels=1,rate=16000");
  expect_caps("gain2.script.pt", "audio/x-raw,rate=48000,channels={1,2,4}",
              "channels=2,rate=48000");
  expect_caps("gain2.script.pt", "audio/x-raw,rate=48000,channel-mask=(bitmask)0x3",
              "channels=2,rate=48000,channel-mask=(bitmask)0x3");
  expect_caps("pointwise.script.pt", "audio/x-raw,rate=48000,channels=[2,5]",
              "channels={2,3,4,5},rate=48000");
  expect_caps("pointwise.script.pt", "audio/x-raw,rate=48000,channels=[9,11]",
              "channels={9,10,11},rate=48000");
  expect_caps("pointwise.script.pt", "audio/x-raw,rate=48000,channels={16,64,65}",
              "channels={16,64},rate=48000");
  expect_caps("pointwise.script.pt", "audio/x-raw,rate=48000,channels=1000", "EMPTY");
}

TEST(TsModel, TakesManyChannelsWhereTheModelTakesAny) {
  const GstAudioInfo info = make_info(audio(64));
  ElementRig rig("tsmodel", at("pointwise.script.pt"));
  ASSERT_TRUE(rig.start(audio(64), "audio/x-raw,channels=[9,64]"));
  EXPECT_EQ(rig.push_all(info, make_noise(info, 500, 1), 100), GST_FLOW_OK);
  rig.send_eos();
  EXPECT_EQ(rig.stat("frames-out"), 500u);
}

TEST(TsModel, GivesDownstreamTheModelsRateAndChannels) {
  for (const Shape& shape : kShapes) {
    ElementRig rig("tsmodel", at(shape.file));
    rig.start(audio(shape.channels_in, 48000));
    const GstAudioInfo out = rig.out_info();
    EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), 48000 * shape.num / shape.den) << shape.file;
    EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), shape.channels_out) << shape.file;
  }
}

TEST(TsModel, NegotiatesWithoutAPeerDownstream) {
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  g_object_set(element, "location", model_path("down2.script.pt").c_str(), nullptr);
  GstHarness* harness = gst_harness_new_with_element(element, "sink", nullptr);
  gst_harness_set_src_caps_str(harness, audio(1, 48000).c_str());
  GstPad* pad = gst_element_get_static_pad(element, "src");
  const CapsPtr caps(gst_pad_get_current_caps(pad));
  GstAudioInfo info;
  ASSERT_TRUE(caps && gst_audio_info_from_caps(&info, caps.get()));
  EXPECT_EQ(GST_AUDIO_INFO_RATE(&info), 24000);
  gst_object_unref(pad);
  gst_harness_teardown(harness);
  gst_object_unref(element);
}

std::string refusal_of_caps(const char* file, const std::string& caps) {
  ElementRig rig("tsmodel", at(file));
  rig.start(caps);
  const std::vector<ErrorMessage> errors = rig.take_errors();
  EXPECT_EQ(errors.size(), 1u);
  if (errors.empty()) return "";
  EXPECT_EQ(errors[0].domain, GST_STREAM_ERROR);
  EXPECT_EQ(errors[0].code, GST_STREAM_ERROR_FORMAT);
  EXPECT_EQ(rig.push(make_buffer(make_info(caps), Bytes(64), 0)), GST_FLOW_NOT_NEGOTIATED);
  EXPECT_TRUE(rig.take_errors().empty()) << "told twice";
  EXPECT_TRUE(rig.take_errors(GST_MESSAGE_WARNING).empty()) << "told twice";
  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  rig.start(caps);
  EXPECT_EQ(rig.take_errors().size(), 1u) << "after a flush";

  gst_element_set_state(rig.element, GST_STATE_NULL);
  const Fixture f = fixture("same3.script.pt");
  rig.set("location", model_path(f.file));
  gst_element_set_state(rig.element, GST_STATE_PLAYING);
  rig.take_errors();
  expect_close(stream(&rig, f, 100), f.out);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  return errors[0].text;
}

TEST(TsModel, SaysWhyCapsAreRefused) {
  const std::string channels = refusal_of_caps("same3.script.pt", audio(2));
  EXPECT_NE(channels.find("does not take 2 channels but 1"), std::string::npos) << channels;
  EXPECT_NE(channels.find("audioconvert"), std::string::npos) << channels;
  const std::string rate = refusal_of_caps("down2.script.pt", audio(1, 44101));
  EXPECT_NE(rate.find("44101"), std::string::npos) << rate;
  EXPECT_NE(rate.find("multiple of 2 Hz"), std::string::npos) << rate;
  const std::string format =
      refusal_of_caps("same3.script.pt", "audio/x-raw,format=S16LE,channels=1,rate=48000");
  EXPECT_NE(format.find("audioconvert"), std::string::npos) << format;
  const std::string many = refusal_of_caps("pointwise.script.pt", audio(65));
  EXPECT_NE(many.find("65 channels but up to 64"), std::string::npos) << many;
}

TEST(TsModel, AcceptsWhatTheCapsQueryOffers) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  GstPad* pad = gst_element_get_static_pad(rig.element, "sink");
  for (int channels : {1, 2}) {
    const CapsPtr caps = make_caps(audio(channels)), offered(gst_pad_query_caps(pad, caps.get()));
    EXPECT_EQ(gst_pad_query_accept_caps(pad, caps.get()), channels == 1);
    EXPECT_EQ(gst_caps_is_empty(offered.get()), channels != 1);
  }
  gst_object_unref(pad);
  EXPECT_EQ(rig.take_errors(GST_MESSAGE_WARNING).size(), 1u);
  EXPECT_TRUE(rig.take_errors().empty());
}

/// All that is said on the bus until the pipeline fails, or ends.
std::string complaints(const std::string& launch) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(launch.c_str(), &error);
  if (!pipeline) return std::string("not parsed: ") + error->message;
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::string said;
  const auto types =
      static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_EOS);
  bool is_over = false;
  while (!is_over) {
    GstMessage* message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, types);
    if (!message) break;
    is_over = GST_MESSAGE_TYPE(message) != GST_MESSAGE_WARNING;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
      gst_message_unref(message);
    else
      said += parse_error(message).text + "\n";
  }
  EXPECT_TRUE(is_over) << launch << " hangs";
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  return said;
}

TEST(TsModel, SaysInPipelinesWhyCapsAreRefused) {
  const std::string model = "tsmodel location=" + model_path("same3.script.pt");
  const std::string source = "audiotestsrc num-buffers=5 ! audio/x-raw,rate=48000,";
  const std::string stereo = source + "channels=2,format=" GST_AUDIO_NE(F32);
  for (const char* between : {" ! ", " ! tee ! queue ! ", " ! queue ! identity ! "}) {
    const std::string said = complaints(stereo + between + model + " ! fakesink");
    EXPECT_NE(said.find("does not take 2 channels but 1"), std::string::npos) << between << said;
  }
  EXPECT_EQ(
      complaints(source + "channels=2,format=S16LE ! audioconvert ! " + model + " ! fakesink"), "");
}

TEST(TsModel, ForwardsEosWithNothingAndWithOneSample) {
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

TEST(TsModel, IsFreshAfterFlush) {
  const Fixture f = fixture("same3.script.pt");
  ElementRig rig("tsmodel", at(f.file));
  rig.start(audio(1));
  rig.push_all(make_info(audio(1)), f.in, 100);
  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  expect_close(stream(&rig, f, 100), f.out);
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
  expect_close(frames, expected);
  EXPECT_EQ(starts, (std::vector<GstClockTime>{0, 10 * GST_SECOND, 20 * GST_SECOND}));
}

class Folder : public testing::Test {
 protected:
  std::string write(const std::string& name, const Bytes& bytes) {
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return (folder_ / name).string();
  }

  const TemporaryFolder folder_;
};

class BadFile : public Folder {};

TEST_F(BadFile, MissingOnesAreNotFound) {
  expect_error(load_error(""), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "location");
  expect_error(load_error("/no/such/model.pt"), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
               "/no/such/model.pt");
  expect_error(load_error("file:///no/such%20model.pt"), GST_RESOURCE_ERROR,
               GST_RESOURCE_ERROR_NOT_FOUND, "/no/such model.pt");
}

TEST_F(BadFile, OthersCannotBeOpened) {
  expect_error(load_error(folder_.path().string()), GST_RESOURCE_ERROR,
               GST_RESOURCE_ERROR_OPEN_READ, "not a regular file");
  expect_error(load_error("gopher://host/model.pt"), GST_RESOURCE_ERROR,
               GST_RESOURCE_ERROR_OPEN_READ, "file://");
}

TEST_F(BadFile, WhatIsNoModelIsOfTheWrongType) {
  const std::string text = "This is a text, not a model.\n";
  Bytes noise(5000);
  std::mt19937 random(1);
  for (uint8_t& byte : noise) byte = random();
  Bytes truncated = read_file(models() / "same3.script.pt");
  truncated.resize(truncated.size() / 2);
  Bytes flipped = read_file(models() / "same3.script.pt");
  for (size_t i = 100; i < flipped.size(); i += 97) flipped[i] ^= 0x55;
  for (const std::string& path :
       {write("text.pt", Bytes(text.begin(), text.end())), write("empty.pt", {}),
        write("noise.pt", noise), write("truncated.pt", truncated), write("flipped.pt", flipped)})
    expect_error(load_error(path), GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE, path);
}

TEST_F(BadFile, RefusedModelsSayWhatIsRefusedAndWhere) {
  const ErrorMessage error = load_error(model_path("refused.script.pt"));
  expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, "group_norm");
  expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, ".py");
}

TEST_F(BadFile, DevicesThatAreNotThereAreSettings) {
  for (const char* device : {"abacus", "xla"}) {
    const ErrorMessage error = load_error(model_path("same3.script.pt"), {{"device", device}});
    expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS,
                 std::string("device '") + device + "' is not available");
    EXPECT_EQ(error.text.find('\n'), std::string::npos) << error.text;
  }
}

TEST(TsModel, FollowsItsPropertiesFromOneStateCycleToTheNext) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  for (const char* file : {"down2.script.pt", "gain2.script.pt", "same3.script.pt"}) {
    gst_element_set_state(rig.element, GST_STATE_READY);
    rig.set("location", model_path(file));
    ASSERT_EQ(gst_element_set_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    const Fixture f = fixture(file);
    expect_close(stream(&rig, f, 100), f.out);
  }
}

/// Libraries of torch in this process.
std::string mapped_torch() {
  std::ifstream maps("/proc/self/maps");
  std::string line, found;
  while (std::getline(maps, line))
    for (const char* name : {"libtorch", "libc10"})
      if (line.find(name) != std::string::npos) found += line + "\n";
  return found;
}

/// Prints what is mapped of torch after the scan, with a tsmodel at NULL, and after tsresample was
/// at work.
int print_maps() {
  if (!gst_element_factory_make("tsmodel", nullptr)) return 1;
  const Reached reached =
      play("audiotestsrc num-buffers=5 ! tsresample ! audio/x-raw,rate=16000 ! fakesink name=end");
  if (!reached.is_eos) return 1;
  std::cout << mapped_torch();
  return 0;
}

/// Prints the error of going to READY.
int print_error() {
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  if (!element) return 1;
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  g_object_set(element, "location", model_path("same3.script.pt").c_str(), nullptr);
  gst_element_set_state(element, GST_STATE_READY);
  const ErrorMessage error = only_error(bus);
  std::cout << g_quark_to_string(error.domain) << " " << error.code << ": " << error.text;
  return 0;
}

/// This program with `flag` in a process of its own (nothing else has loaded models there) with an
/// empty registry in `folder` that it fills by itself. What it prints.
std::string run_apart(const char* flag, const fs::path& folder,
                      const std::string& plugins = g_getenv("GST_PLUGIN_PATH")) {
  const std::string registry = folder / "registry.bin";
  const std::string printed =
      run_self(flag, {{"GST_REGISTRY", registry.c_str()},
                      {"GST_REGISTRY_FORK", "no"},
                      {"GST_PLUGIN_PATH", plugins.c_str()},
                      {"LD_LIBRARY_PATH", nullptr}});  // meson's leads to it
  EXPECT_TRUE(fs::exists(registry)) << "no scan";
  return printed;
}

TEST_F(Folder, NothingMapsTorchBeforeAModelIsLoaded) {
  EXPECT_EQ(run_apart("--print-maps", folder_.path()), "");
  ElementRig rig("tsmodel", at("same3.script.pt"));
  EXPECT_NE(mapped_torch(), "");
}

/// Fetches a model while another thread looks for what is in modules, as who loads plugins does.
int fetch_among_modules() {
  alarm(20);
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  g_object_set(element, "location", "http://127.0.0.1:1/model.pt", "insecure-http", TRUE, "retries",
               0, nullptr);
  gst_element_set_state(element, GST_STATE_PAUSED);
  GModule* self = g_module_open(nullptr, G_MODULE_BIND_LAZY);
  GstMessage* message = nullptr;
  for (gpointer symbol; !message; message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR))
    g_module_symbol(self, "main", &symbol);
  std::cout << parse_error(message).text << "\n";
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
  gst_object_unref(bus);
  return 0;
}

TEST(TsModel, TheFirstFetchHoldsNobodyUpWhoLoadsPlugins) {
  const std::string printed = run_self("--fetch-among-modules");
  EXPECT_NE(printed.find("127.0.0.1"), std::string::npos) << printed;
}

TEST_F(Folder, APluginWithoutItsLibrarySaysWhereItBelongs) {
  GstPlugin* plugin = gst_registry_find_plugin(gst_registry_get(), "tsmodel");
  ASSERT_NE(plugin, nullptr);
  const fs::path plugins = folder_ / "lib" / "gstreamer-1.0";
  fs::create_directories(plugins);
  fs::copy_file(gst_plugin_get_filename(plugin), plugins / "libgsttsmodel.so");
  gst_object_unref(plugin);
  const std::string printed = run_apart("--print-error", folder_.path(), plugins);
  const std::string kind = g_quark_to_string(GST_LIBRARY_ERROR) + std::string(" ") +
                           std::to_string(GST_LIBRARY_ERROR_INIT);
  EXPECT_EQ(printed.rfind(kind, 0), 0u) << printed;
  EXPECT_NE(printed.find("one folder above the plugins"), std::string::npos) << printed;
}

}  // namespace
}  // namespace torchstreamer::test

int main(int argc, char** argv) {
  using namespace torchstreamer::test;
  return run_gst_tests(argc, argv,
                       {{"--print-maps", print_maps},
                        {"--print-error", print_error},
                        {"--fetch-among-modules", fetch_among_modules}});
}
