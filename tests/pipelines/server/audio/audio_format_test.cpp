#include "server/audio/audio_format.h"

#include <gst/app/app.h>
#include <gtest/gtest.h>
#include <libsoup/soup.h>

#include "expect_says.h"
#include "server/failure.h"

namespace torchstreamer::server {
namespace {

using Fields = std::unique_ptr<GHashTable, decltype(&g_hash_table_unref)>;

Fields query(const std::string& text) {
  return Fields(soup_form_decode(text.c_str()), g_hash_table_unref);
}

OutputFormat output_of(const std::string& text, const std::string& input = "audio/wav") {
  return parse_output(query(text).get(), parse_input(input));
}

class AudioFormat : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  template <class Parse>
  static void expect_failure(guint status, const std::string& text, const Parse& parse) {
    try {
      parse();
      ADD_FAILURE() << "accepted; expected: " << text;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), status) << failure.what();
      EXPECT_SAYS(text, failure.what());
    }
  }
};

TEST_F(AudioFormat, MediaTypesNameContainers) {
  for (const auto& [type, container] :
       {std::pair<const char*, Container>{"audio/wav", Container::kWav},
        {"AUDIO/WAV", Container::kWav},
        {"audio/x-wav", Container::kWav},
        {"audio/wave ; codecs=1", Container::kWav},
        {"audio/vnd.wave", Container::kWav},
        {"audio/flac", Container::kFlac},
        {"audio/x-flac", Container::kFlac},
        {"audio/ogg; codecs=opus", Container::kOgg},
        {"application/ogg", Container::kOgg},
        {"audio/opus", Container::kOgg}})
    EXPECT_EQ(parse_input(type).container, container) << type;
}

TEST_F(AudioFormat, RawMediaTypesHaveParameters) {
  const InputFormat input =
      parse_input("audio/x-raw; Format=F32LE; rate=\"44100\"; channels=2; layout=interleaved");
  EXPECT_EQ(input.container, Container::kRaw);
  EXPECT_EQ(input.raw.sample, GST_AUDIO_FORMAT_F32LE);
  EXPECT_EQ(input.raw.rate, 44100);
  EXPECT_EQ(input.raw.channels, 2);
  EXPECT_EQ(parse_input("audio/x-raw;rate=8000;channels=1").raw.sample, GST_AUDIO_FORMAT_S16LE);
}

TEST_F(AudioFormat, OtherMediaTypesAreRefused) {
  for (const std::string type : {"", "audio", "audio/mpeg", "text/plain; x=audio/wav", ";", "/",
                                 "audio/wavv", "application/octet-stream", "\xff\xfe"})
    expect_failure(415, "is none of audio/wav, audio/flac, audio/ogg, audio/x-raw;format=S16LE",
                   [&] { parse_input(type); });
  expect_failure(415, "Content-Type: \"" + std::string(80, 'a') + "\" is none of",
                 [] { parse_input(std::string(3000, 'a')); });
}

TEST_F(AudioFormat, BadParametersAreRefused) {
  const std::string needs = "Raw audio needs its rate and channels, such as format=S16LE, ";
  for (const std::string parameters : {"", ";rate=8000", ";channels=1", ";rate=;channels=1"})
    expect_failure(400, needs, [&] { parse_input("audio/x-raw" + parameters); });
  for (const std::string rate : {"0", "-1", "768001", "44.1", "1e3", "99999999999999999999"})
    expect_failure(400, "rate: \"" + rate + "\" is not a number from 1 to 768000.",
                   [&] { parse_input("audio/x-raw;channels=1;rate=" + rate); });
  expect_failure(400, "channels: \"65\" is not a number from 1 to 64.",
                 [] { parse_input("audio/x-raw;rate=1;channels=65"); });
  for (const std::string format : {"S16BE", "s16le", "U8", "F64LE", "S16LE ! filesink"})
    expect_failure(400, "format: \"" + format + "\" is none of S16LE, S32LE, F32LE.",
                   [&] { parse_raw_input(query("rate=1&channels=1&format=" + format).get()); });
}

TEST_F(AudioFormat, OutputFollowsTheInput) {
  EXPECT_EQ(output_of("").container, Container::kWav);
  EXPECT_EQ(output_of("").raw.sample, GST_AUDIO_FORMAT_S16LE);
  EXPECT_STREQ(output_of("").media_type(), "audio/wav");
  const std::string raw = "audio/x-raw;format=F32LE;rate=8000;channels=2";
  EXPECT_EQ(output_of("", raw).container, Container::kRaw);
  EXPECT_EQ(output_of("", raw).raw.sample, GST_AUDIO_FORMAT_F32LE);
  EXPECT_EQ(output_of("", raw).raw.rate, 0) << "the rate of the model";
  EXPECT_EQ(output_of("rate=16000&channels=1", raw).raw.rate, 16000);
  EXPECT_EQ(output_of("format=S32LE", raw).raw.sample, GST_AUDIO_FORMAT_S32LE);
  EXPECT_EQ(output_of("output=flac&format=F32LE").raw.sample, GST_AUDIO_FORMAT_S16LE);
  EXPECT_EQ(output_of("output=ogg&rate=8000").raw.rate, 48000);
  EXPECT_STREQ(output_of("output=ogg").media_type(), "audio/ogg");
  expect_failure(400, "output: \"mp3\" is none of raw, wav, flac, ogg.",
                 [] { output_of("output=mp3"); });
  expect_failure(400, "rate: \"x\" is not a number", [] { output_of("rate=x"); });
}

TEST_F(AudioFormat, CapsHaveWhatIsKnown) {
  const Ref<GstCaps> caps = RawFormat{GST_AUDIO_FORMAT_S32LE, 0, 3}.caps();
  g_autofree gchar* text = gst_caps_to_string(caps.get());
  EXPECT_STREQ(text,
               "audio/x-raw, format=(string)S32LE, layout=(string)interleaved, channels=(int)3");
}

/// Caps and bytes that wavparse reads from `bytes`.
std::pair<std::string, std::string> parse_wav(const std::string& bytes) {
  GstElement* pipeline =
      gst_parse_launch("appsrc name=source ! wavparse ! appsink name=sink sync=false", nullptr);
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  gst_app_src_push_buffer(GST_APP_SRC(source), gst_buffer_new_memdup(bytes.data(), bytes.size()));
  gst_app_src_end_of_stream(GST_APP_SRC(source));
  std::pair<std::string, std::string> result;
  while (GstSample* sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 5 * GST_SECOND)) {
    g_autofree gchar* caps = gst_caps_to_string(gst_sample_get_caps(sample));
    result.first = caps;
    GstMapInfo map;
    gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ);
    result.second.append(reinterpret_cast<const char*>(map.data), map.size);
    gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
    gst_sample_unref(sample);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(source);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return result;
}

TEST_F(AudioFormat, WavparseReadsTheHeader) {
  std::string samples(2400, '\0');
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<char>(i);
  for (const GstAudioFormat format :
       {GST_AUDIO_FORMAT_S16LE, GST_AUDIO_FORMAT_S32LE, GST_AUDIO_FORMAT_F32LE})
    for (const int channels : {1, 2}) {
      const std::string header = wav_header(format, 44100, channels);
      EXPECT_EQ(header.size(), 44u);
      const auto [caps, bytes] = parse_wav(header + samples);
      EXPECT_SAYS(std::string("format=(string)") + gst_audio_format_to_string(format), caps);
      EXPECT_SAYS("rate=(int)44100", caps);
      EXPECT_SAYS("channels=(int)" + std::to_string(channels), caps);
      EXPECT_TRUE(bytes == samples);
    }
}

}  // namespace
}  // namespace torchstreamer::server
