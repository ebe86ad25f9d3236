// tsmodel: models from files as elements. The oracle is the offline module's output, which the
// generator of the fixtures leaves beside each model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include "element_bench.h"

namespace torchstreamer::test {
namespace {

namespace fs = std::filesystem;

constexpr int kRateHz = 44100;  // any ratio of the fixtures gives a whole number
constexpr int kFixtureFrames = 1201;

fs::path models() {
  const char* folder = g_getenv("TORCHSTREAMER_MODELS");
  if (!folder) g_error("TORCHSTREAMER_MODELS does not name the folder of the models");
  return folder;
}

std::string model_path(const std::string& file) { return (models() / file).string(); }

Bytes read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

std::string audio(int channels, int rate_hz = kRateHz) {
  std::string caps = std::string("audio/x-raw,layout=interleaved,format=") + GST_AUDIO_NE(F32) +
                     ",channels=" + std::to_string(channels) + ",rate=" + std::to_string(rate_hz);
  if (channels > 2) caps += ",channel-mask=(bitmask)0";
  return caps;
}

/// One fixture: NAME.script.pt or NAME.trace.pt with NAME.in.f32 and NAME.out.f32.
struct Fixture {
  std::string file;
  Bytes in, out;
  int channels_in;
};

Fixture fixture(const std::string& file) {
  const std::string name = file.substr(0, file.find('.'));
  Fixture found = {file, read_file(models() / (name + ".in.f32")),
                   read_file(models() / (name + ".out.f32")), 0};
  found.channels_in = found.in.size() / sizeof(float) / kFixtureFrames;
  return found;
}

std::vector<std::string> good_files() {
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(models())) {
    const std::string file = entry.path().filename().string();
    if (entry.path().extension() == ".pt" && file.rfind("refused", 0) != 0) files.insert(file);
  }
  return {files.begin(), files.end()};
}

std::vector<float> floats(const Bytes& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void expect_close(const Bytes& actual, const Bytes& expected) {
  const std::vector<float> a = floats(actual), e = floats(expected);
  ASSERT_EQ(a.size(), e.size());
  double scale = 1, error = 0;
  for (size_t i = 0; i < e.size(); ++i) {
    scale = std::max<double>(scale, std::abs(e[i]));
    error = std::max<double>(error, std::abs(a[i] - e[i]));
  }
  EXPECT_LE(error, 1e-6 * scale);
}

using Settings = std::vector<std::pair<std::string, std::string>>;

Settings at(const std::string& file) { return {{"location", model_path(file)}}; }

/// Streams the fixture's input and gives all that left.
Bytes stream(ElementBench* bench, const Fixture& f, int64_t frames_per_buffer) {
  bench->start(audio(f.channels_in));
  bench->take();
  EXPECT_EQ(bench->push_all(make_info(audio(f.channels_in)), f.in, frames_per_buffer, GST_SECOND),
            GST_FLOW_OK);
  bench->send_eos();
  return bench->take_frames();
}

TEST(TsModel, EqualsTheOfflineModelForEverySplit) {
  const std::vector<std::string> files = good_files();
  ASSERT_GE(files.size(), 10u);
  for (const std::string& file : files) {
    const Fixture f = fixture(file);
    for (int64_t frames_per_buffer : {1, 7, 441, 2000}) {
      SCOPED_TRACE(file + " by " + std::to_string(frames_per_buffer));
      ElementBench bench("tsmodel", at(file));
      expect_close(stream(&bench, f, frames_per_buffer), f.out);
      EXPECT_EQ(first_text(bench.take_errors()), "");
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

// down2 at 44100 Hz: frame j of the output leaves with input frame 2 j + 2; its PTS is j / 22050 s.
TEST(TsModel, StampsExactTimes) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.file);
    const int rate_hz = kRateHz * shape.num / shape.den;
    ElementBench bench("tsmodel", at(shape.file));
    const Fixture f = fixture(shape.file);
    bench.start(audio(shape.channels_in));
    bench.push_all(make_info(audio(shape.channels_in)), f.in, 100, GST_SECOND);
    bench.send_eos();
    const GstAudioInfo out = bench.out_info();
    EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), rate_hz);
    EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), shape.channels_out);
    int64_t frame = 0;
    for (const BufferPtr& buffer : bench.take_buffers()) {
      const int64_t end = frame + gst_buffer_get_size(buffer.get()) / GST_AUDIO_INFO_BPF(&out);
      const GstClockTime begin_ns = gst_util_uint64_scale_round(frame, GST_SECOND, rate_hz);
      const GstClockTime end_ns = gst_util_uint64_scale_round(end, GST_SECOND, rate_hz);
      EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), GST_SECOND + begin_ns);
      EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), end_ns - begin_ns);
      EXPECT_EQ(GST_BUFFER_OFFSET(buffer.get()), static_cast<guint64>(rate_hz + frame));
      EXPECT_EQ(GST_BUFFER_OFFSET_END(buffer.get()), static_cast<guint64>(rate_hz + end));
      EXPECT_EQ(has_flag(buffer, GST_BUFFER_FLAG_DISCONT), frame == 0);
      frame = end;
    }
    EXPECT_EQ(frame, static_cast<int64_t>(f.out.size() / GST_AUDIO_INFO_BPF(&out)));
  }
}

TEST(TsModel, ReportsTheLookAheadAsLatency) {
  for (auto [file, look_ahead_frames] :
       {std::pair("gain2.script.pt", 0), {"same3.script.pt", 1}, {"down2.script.pt", 2}}) {
    ElementBench bench("tsmodel", at(file));
    EXPECT_EQ(gst_harness_query_latency(bench.harness), 0u) << "before caps";
    bench.start(audio(fixture(file).channels_in));
    const GstClockTime expected =
        gst_util_uint64_scale_ceil(look_ahead_frames, GST_SECOND, kRateHz);
    EXPECT_EQ(bench.latency_ns(), expected) << file;
    EXPECT_EQ(gst_harness_query_latency(bench.harness), expected);
    EXPECT_EQ(bench.count_messages(GST_MESSAGE_LATENCY), look_ahead_frames > 0 ? 1 : 0);
  }
}

TEST(TsModel, ValidPaddingDropsTheEdges) {
  Settings settings = at("same3.script.pt");
  settings.push_back({"padding", "valid"});
  const Fixture f = fixture("same3.script.pt");
  ElementBench bench("tsmodel", settings);
  const Bytes inner(f.out.begin() + sizeof(float), f.out.end() - sizeof(float));
  expect_close(stream(&bench, f, 100), inner);
}

TEST(TsModel, TakesFileUris) {
  const Fixture f = fixture("same3.script.pt");
  ElementBench bench("tsmodel", {{"location", "file://" + model_path(f.file)}});
  expect_close(stream(&bench, f, 100), f.out);
}

/// What the element's `pad` can be, given what its peer on the other side can be.
std::string query_caps(const char* file, const char* pad_name, const std::string& other_side) {
  ElementBench bench("tsmodel", at(file));
  GstPad* pad = gst_element_get_static_pad(bench.element, pad_name);
  if (std::string(pad_name) == "sink")
    gst_harness_set_sink_caps_str(bench.harness, other_side.c_str());
  else
    gst_harness_set_src_caps_str(bench.harness, other_side.c_str());
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
}

TEST(TsModel, GivesDownstreamTheModelsRateAndChannels) {
  for (const Shape& shape : kShapes) {
    ElementBench bench("tsmodel", at(shape.file));
    bench.start(audio(shape.channels_in, 48000));
    const GstAudioInfo out = bench.out_info();
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
  ElementBench bench("tsmodel", at(file));
  bench.start(caps);
  const std::vector<ErrorMessage> errors = bench.take_errors();
  if (errors.empty()) return "";
  EXPECT_EQ(errors[0].domain, GST_STREAM_ERROR);
  EXPECT_EQ(errors[0].code, GST_STREAM_ERROR_FORMAT);
  EXPECT_EQ(bench.push(make_buffer(make_info(caps), Bytes(64), 0)), GST_FLOW_NOT_NEGOTIATED);

  gst_element_set_state(bench.element, GST_STATE_NULL);
  const Fixture f = fixture("same3.script.pt");
  bench.set("location", model_path(f.file));
  gst_element_set_state(bench.element, GST_STATE_PLAYING);
  bench.take_errors();
  expect_close(stream(&bench, f, 100), f.out);
  EXPECT_EQ(first_text(bench.take_errors()), "");
  return errors[0].text;
}

TEST(TsModel, SaysWhyCapsAreRefused) {
  const std::string channels = refusal_of_caps("same3.script.pt", audio(2));
  EXPECT_NE(channels.find("does not take 2 channels but 1"), std::string::npos) << channels;
  EXPECT_NE(channels.find("audioconvert"), std::string::npos) << channels;
  const std::string rate = refusal_of_caps("down2.script.pt", audio(1, 44101));
  EXPECT_NE(rate.find("44101"), std::string::npos) << rate;
  EXPECT_NE(rate.find("multiple of 2 Hz"), std::string::npos) << rate;
}

TEST(TsModel, ForwardsEosWithNothingAndWithOneSample) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.file);
    ElementBench before_caps("tsmodel", at(shape.file));
    before_caps.send(gst_event_new_stream_start("test"));
    before_caps.send_eos();
    EXPECT_EQ(before_caps.take().size(), 2u);

    ElementBench nothing("tsmodel", at(shape.file));
    nothing.start(audio(shape.channels_in));
    nothing.send_eos();
    EXPECT_TRUE(nothing.take_buffers().empty());

    ElementBench one("tsmodel", at(shape.file));
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
  }
}

TEST(TsModel, IsFreshAfterFlush) {
  const Fixture f = fixture("same3.script.pt");
  ElementBench bench("tsmodel", at(f.file));
  bench.start(audio(1));
  bench.push_all(make_info(audio(1)), f.in, 100);
  bench.send(gst_event_new_flush_start());
  bench.send(gst_event_new_flush_stop(TRUE));
  expect_close(stream(&bench, f, 100), f.out);
}

TEST(TsModel, ADiscontinuityAndNewCapsEndTheSignal) {
  const Fixture f = fixture("down2.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementBench bench("tsmodel", at(f.file));
  bench.start(audio(1));
  bench.push_all(info, f.in, 100);
  bench.push_all(info, f.in, 100, 10 * GST_SECOND);
  bench.send_caps(audio(1, 48000));
  bench.push_all(make_info(audio(1, 48000)), f.in, 100, 20 * GST_SECOND);
  bench.send_eos();
  Bytes expected;
  for (int i = 0; i < 3; ++i) expected.insert(expected.end(), f.out.begin(), f.out.end());
  std::vector<GstClockTime> starts;
  Bytes frames;
  for (const BufferPtr& buffer : bench.take_buffers()) {
    if (has_flag(buffer, GST_BUFFER_FLAG_DISCONT)) starts.push_back(GST_BUFFER_PTS(buffer.get()));
    const Bytes part = read_frames(bench.out_info(), buffer.get());
    frames.insert(frames.end(), part.begin(), part.end());
  }
  expect_close(frames, expected);
  EXPECT_EQ(starts, (std::vector<GstClockTime>{0, 10 * GST_SECOND, 20 * GST_SECOND}));
}

/// The error of going to READY with `location`; then a good model must work in the same element.
ErrorMessage load_error(const std::string& location, const Settings& more = {}) {
  SCOPED_TRACE(location);
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  if (!location.empty()) g_object_set(element, "location", location.c_str(), nullptr);
  for (const auto& [name, value] : more)
    gst_util_set_object_arg(G_OBJECT(element), name.c_str(), value.c_str());
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  ErrorMessage found = {};
  int count = 0;
  while (GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR)) {
    GError* error;
    gst_message_parse_error(message, &error, nullptr);
    found = {error->domain, error->code, error->message};
    g_error_free(error);
    gst_message_unref(message);
    ++count;
  }
  EXPECT_EQ(count, 1);
  gst_element_set_state(element, GST_STATE_NULL);
  g_object_set(element, "location", model_path("same3.script.pt").c_str(), "device", "cpu",
               nullptr);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR), nullptr);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(element);
  return found;
}

void expect_error(const ErrorMessage& error, GQuark domain, int code, const std::string& part) {
  EXPECT_EQ(error.domain, domain) << error.text;
  EXPECT_EQ(error.code, code) << error.text;
  EXPECT_NE(error.text.find(part), std::string::npos) << error.text;
}

class BadFile : public testing::Test {
 protected:
  BadFile() : folder_(fs::temp_directory_path() / ("tsmodel_test." + std::to_string(getpid()))) {
    fs::create_directory(folder_);
  }
  ~BadFile() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const Bytes& bytes) {
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return (folder_ / name).string();
  }

  const fs::path folder_;
};

TEST_F(BadFile, MissingOnesAreNotFound) {
  expect_error(load_error(""), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "location");
  expect_error(load_error("/no/such/model.pt"), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
               "/no/such/model.pt");
  expect_error(load_error("file:///no/such%20model.pt"), GST_RESOURCE_ERROR,
               GST_RESOURCE_ERROR_NOT_FOUND, "/no/such model.pt");
}

TEST_F(BadFile, OthersCannotBeOpened) {
  expect_error(load_error(folder_.string()), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
               "not a file");
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

TEST_F(BadFile, UnknownDevicesAreErrors) {
  const ErrorMessage error = load_error(model_path("same3.script.pt"), {{"device", "abacus"}});
  EXPECT_NE(error.text.find("abacus"), std::string::npos) << error.text;
}

TEST(TsModel, FollowsItsPropertiesFromOneStateCycleToTheNext) {
  ElementBench bench("tsmodel", at("same3.script.pt"));
  for (const char* file : {"down2.script.pt", "gain2.script.pt", "same3.script.pt"}) {
    gst_element_set_state(bench.element, GST_STATE_READY);
    bench.set("location", model_path(file));
    ASSERT_EQ(gst_element_set_state(bench.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    const Fixture f = fixture(file);
    expect_close(stream(&bench, f, 100), f.out);
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

/// A process of its own (nothing else has loaded models there) with an empty registry that it fills
/// by itself. Prints what is mapped of torch after the scan and with both elements at NULL.
int print_maps() {
  for (const char* name : {"tsresample", "tsmodel"})
    if (!gst_element_factory_make(name, nullptr)) return 1;
  std::cout << mapped_torch();
  return 0;
}

TEST(TsModel, NothingMapsTorchBeforeAModelIsLoaded) {
  GError* error = nullptr;
  gchar* folder = g_dir_make_tmp("tsmodel_test.XXXXXX", &error);
  ASSERT_NE(folder, nullptr) << error->message;
  const std::string registry = std::string(folder) + "/registry.bin";
  gchar** environment = g_get_environ();
  environment = g_environ_setenv(environment, "GST_REGISTRY", registry.c_str(), TRUE);
  environment = g_environ_setenv(environment, "GST_REGISTRY_FORK", "no", TRUE);
  gchar* self = g_file_read_link("/proc/self/exe", nullptr);
  gchar flag[] = "--print-maps";
  gchar* command[] = {self, flag, nullptr};
  gchar *output = nullptr, *complaints = nullptr;
  int status = -1;
  EXPECT_TRUE(g_spawn_sync(nullptr, command, environment, G_SPAWN_DEFAULT, nullptr, nullptr,
                           &output, &complaints, &status, nullptr));
  EXPECT_EQ(status, 0) << complaints;
  EXPECT_STREQ(output, "");
  EXPECT_TRUE(fs::exists(registry)) << "no scan";
  for (gchar* text : {self, output, complaints}) g_free(text);
  g_strfreev(environment);
  fs::remove_all(folder);
  g_free(folder);

  ElementBench bench("tsmodel", at("same3.script.pt"));
  EXPECT_NE(mapped_torch(), "");
}

}  // namespace
}  // namespace torchstreamer::test

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc > 1 && std::strcmp(argv[1], "--print-maps") == 0)
    return torchstreamer::test::print_maps();
  testing::InitGoogleTest(&argc, argv);
  const int result = RUN_ALL_TESTS();
  gst_deinit();  // lets GST_TRACERS=leaks report
  return result;
}
