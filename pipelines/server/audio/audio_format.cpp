#include "server/audio/audio_format.h"

#include <libsoup/soup.h>

#include <cstring>

#include "server/failure.h"

namespace torchstreamer::server {
namespace {

constexpr int kMaxRate_hz = 768000, kMaxChannels = 64;
constexpr int kOpusRate_hz = 48000;

struct ContainerRow {
  Container container;
  const char* name;
  const char* media_type;
  std::vector<std::string> other_media_types;
  std::vector<std::string> decoder, encoder;
};

const ContainerRow kContainers[] = {
    {Container::kRaw, "raw", "audio/x-raw", {}, {}, {}},
    {Container::kWav,
     "wav",
     "audio/wav",
     {"audio/x-wav", "audio/wave", "audio/vnd.wave"},
     {"wavparse"},
     {}},
    {Container::kFlac,
     "flac",
     "audio/flac",
     {"audio/x-flac"},
     {"flacparse", "flacdec"},
     {"flacenc"}},
    {Container::kOgg,
     "ogg",
     "audio/ogg",
     {"application/ogg", "audio/opus"},
     {"oggdemux"},
     {"opusenc", "oggmux"}},
};

const std::pair<const char*, const char*> kDecoders[] = {
    {"audio/x-opus", "opusdec"}, {"audio/x-vorbis", "vorbisdec"}, {"audio/x-flac", "flacdec"}};

const GstAudioFormat kSamples[] = {GST_AUDIO_FORMAT_S16LE, GST_AUDIO_FORMAT_S32LE,
                                   GST_AUDIO_FORMAT_F32LE};

const ContainerRow& row_of(Container container) {
  for (const ContainerRow& row : kContainers)
    if (row.container == container) return row;
  throw std::logic_error("a container has no row");
}

bool has_media_type(const ContainerRow& row, const std::string& type) {
  if (type == row.media_type) return true;
  for (const std::string& other : row.other_media_types)
    if (type == other) return true;
  return false;
}

std::string quoted(const std::string& text) { return "\"" + text.substr(0, 80) + "\""; }

GstAudioFormat parse_sample(const std::string& text) {
  for (const GstAudioFormat sample : kSamples)
    if (text == gst_audio_format_to_string(sample)) return sample;
  throw Failure(SOUP_STATUS_BAD_REQUEST,
                "format: " + quoted(text) + " is none of S16LE, S32LE, F32LE.");
}

int parse_int(const char* name, const std::string& text, int most) {
  guint64 value;
  if (g_ascii_string_to_unsigned(text.c_str(), 10, 1, static_cast<guint64>(most), &value, nullptr))
    return static_cast<int>(value);
  throw Failure(SOUP_STATUS_BAD_REQUEST, std::string(name) + ": " + quoted(text) +
                                             " is not a number from 1 to " + std::to_string(most) +
                                             ".");
}

/// The fields that `fields` has replace those of `format`.
RawFormat parse_raw(Query* fields, RawFormat format) {
  const std::string sample = query_value(fields, "format");
  const std::string rate = query_value(fields, "rate");
  const std::string channels = query_value(fields, "channels");
  if (!sample.empty()) format.sample = parse_sample(sample);
  if (!rate.empty()) format.rate = parse_int("rate", rate, kMaxRate_hz);
  if (!channels.empty()) format.channels = parse_int("channels", channels, kMaxChannels);
  return format;
}

InputFormat raw_input(Query* fields) {
  const RawFormat raw = parse_raw(fields, {});
  if (raw.rate == 0 || raw.channels == 0)
    throw Failure(SOUP_STATUS_BAD_REQUEST,
                  "Raw audio needs its rate and channels, such as "
                  "format=S16LE, rate=16000, channels=1.");
  return {Container::kRaw, raw};
}

void append(std::string* bytes, uint32_t value, int count) {
  for (int i = 0; i < count; ++i) bytes->push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

Ref<GstCaps> RawFormat::caps() const {
  Ref<GstCaps> caps(gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING,
                                        gst_audio_format_to_string(sample), "layout", G_TYPE_STRING,
                                        "interleaved", nullptr));
  if (rate) gst_caps_set_simple(caps.get(), "rate", G_TYPE_INT, rate, nullptr);
  if (channels) gst_caps_set_simple(caps.get(), "channels", G_TYPE_INT, channels, nullptr);
  return caps;
}

const char* OutputFormat::media_type() const { return row_of(container).media_type; }

std::string query_value(Query* query, const char* name) {
  const auto* value = query ? static_cast<const char*>(g_hash_table_lookup(query, name)) : nullptr;
  return value ? value : "";
}

InputFormat parse_input(const std::string& media_type) {
  GHashTable* parameters = nullptr;
  SoupMessageHeaders* headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST);
  soup_message_headers_append(headers, "Content-Type", media_type.c_str());
  const char* parsed = soup_message_headers_get_content_type(headers, &parameters);
  g_autofree gchar* type = g_ascii_strdown(parsed ? parsed : "", -1);
  soup_message_headers_unref(headers);
  const std::unique_ptr<GHashTable, decltype(&g_hash_table_unref)> owned(
      parameters ? parameters : g_hash_table_new(g_str_hash, g_str_equal), g_hash_table_unref);
  for (const ContainerRow& row : kContainers) {
    if (!has_media_type(row, type)) continue;
    return row.container == Container::kRaw ? raw_input(owned.get())
                                            : InputFormat{row.container, {}};
  }
  throw Failure(SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
                "Content-Type: " + quoted(media_type) +
                    " is none of audio/wav, audio/flac, audio/ogg, "
                    "audio/x-raw;format=S16LE;rate=16000;channels=1.");
}

InputFormat parse_raw_input(Query* query) { return raw_input(query); }

OutputFormat parse_output(Query* query, const InputFormat& input) {
  OutputFormat output;
  const std::string name = query_value(query, "output");
  if (input.container == Container::kRaw) {
    output.container = Container::kRaw;
    output.raw.sample = input.raw.sample;
  }
  if (!name.empty()) {
    const ContainerRow* found = nullptr;
    for (const ContainerRow& row : kContainers)
      if (name == row.name) found = &row;
    if (!found)
      throw Failure(SOUP_STATUS_BAD_REQUEST,
                    "output: " + quoted(name) + " is none of raw, wav, flac, ogg.");
    output.container = found->container;
  }
  output.raw = parse_raw(query, output.raw);
  if (output.container == Container::kFlac) output.raw.sample = GST_AUDIO_FORMAT_S16LE;
  if (output.container == Container::kOgg) {
    output.raw.sample = GST_AUDIO_FORMAT_S16LE;
    output.raw.rate = kOpusRate_hz;
  }
  return output;
}

std::string wav_header(GstAudioFormat sample, int rate, int channels) {
  constexpr uint32_t kUnknown = 0xffffffff;
  const bool is_float = sample == GST_AUDIO_FORMAT_F32LE;
  const auto sample_bytes = static_cast<uint32_t>(gst_audio_format_get_info(sample)->width / 8);
  const uint32_t frame_bytes = sample_bytes * static_cast<uint32_t>(channels);
  std::string bytes = "RIFF";
  append(&bytes, kUnknown, 4);
  bytes += "WAVEfmt ";
  append(&bytes, 16, 4);
  append(&bytes, is_float ? 3 : 1, 2);
  append(&bytes, static_cast<uint32_t>(channels), 2);
  append(&bytes, static_cast<uint32_t>(rate), 4);
  append(&bytes, static_cast<uint32_t>(rate) * frame_bytes, 4);
  append(&bytes, frame_bytes, 2);
  append(&bytes, 8 * sample_bytes, 2);
  bytes += "data";
  append(&bytes, kUnknown, 4);
  return bytes;
}

std::vector<std::string> decoder_elements(Container container) { return row_of(container).decoder; }

const char* decoder_of_pad(const GstCaps* caps) {
  const char* name = gst_structure_get_name(gst_caps_get_structure(caps, 0));
  for (const auto& [media_type, decoder] : kDecoders)
    if (std::strcmp(name, media_type) == 0) return decoder;
  return nullptr;
}

std::vector<std::string> encoder_elements(Container container) { return row_of(container).encoder; }

/// Decodes the first pad of a demuxer. Runs in the thread of the pipeline.
static void on_pad_added(GstElement* demuxer, GstPad* pad, GstElement* converter) {
  GstPad* converter_pad = gst_element_get_static_pad(converter, "sink");
  const bool is_first = !gst_pad_is_linked(converter_pad);
  gst_object_unref(converter_pad);
  const Ref<GstCaps> caps(gst_pad_query_caps(pad, nullptr));
  const char* factory = is_first ? decoder_of_pad(caps.get()) : nullptr;
  GstElement* decoder = factory ? gst_element_factory_make(factory, nullptr) : nullptr;
  if (!decoder) return;  // the demuxer posts an error if no pad is linked
  GstObject* bin = gst_element_get_parent(demuxer);
  gst_bin_add(GST_BIN(bin), decoder);
  gst_object_unref(bin);
  GstPad* decoder_pad = gst_element_get_static_pad(decoder, "sink");
  gst_pad_link(pad, decoder_pad);
  gst_object_unref(decoder_pad);
  gst_element_link(decoder, converter);
  gst_element_sync_state_with_parent(decoder);
}

void decode_first_pad(GstElement* demuxer, GstElement* converter) {
  g_signal_connect_object(demuxer, "pad-added", G_CALLBACK(on_pad_added), converter,
                          static_cast<GConnectFlags>(0));
}

}  // namespace torchstreamer::server
