#include "loader/settings.h"

#include <tuple>

namespace torchstreamer {
namespace {

enum {
  PROP_0,
  PROP_LOCATION,
  PROP_PADDING,
  PROP_CHANNELS,
  PROP_OUTPUT,
  PROP_DEVICE,
  PROP_SHA256,
  PROP_AUTHORIZATION,
  PROP_CA_FILE,
  PROP_INSECURE_HTTP,
  PROP_MAX_BYTES,
  PROP_CACHE_BYTES,
  PROP_TIMEOUT,
  PROP_RETRIES,
  PROP_END
};
static_assert(PROP_END == kModelProperties + 1);

enum Channels { kJoint, kEach };

GType padding_get_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Padding::kModel), "As in the model: the output keeps its edges", "model"},
      {static_cast<int>(Padding::kValid), "None: convolutions and pools drop theirs", "valid"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelPadding", values);
  return type;
}

GType channels_get_type() {
  static const GEnumValue values[] = {
      {kJoint, "Together: those of the caps are those of the model", "joint"},
      {kEach, "One by one: a model of one channel runs over each", "each"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelChannels", values);
  return type;
}

auto compared(const ModelSettings& s) {
  const LoadOptions& o = s.options;
  return std::tie(s.location, s.fetch.sha256, o.padding, o.channels, o.each_channel, o.output,
                  o.device);
}

constexpr auto kFlags =
    static_cast<GParamFlags>(G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto kReadWrite = static_cast<GParamFlags>(kFlags | G_PARAM_READABLE);

/// What the model is made of.
void install_making(GObjectClass* klass) {
  const LoadOptions defaults;
  g_object_class_install_property(
      klass, PROP_LOCATION,
      g_param_spec_string("location", "Location",
                          "The TorchScript file to run: a path, or a file://, http:// or https:// "
                          "URI",
                          nullptr, kReadWrite));
  g_object_class_install_property(
      klass, PROP_PADDING,
      g_param_spec_enum("padding", "Padding", "What the padding of the model's layers becomes",
                        padding_get_type(), static_cast<int>(defaults.padding), kReadWrite));
  g_object_class_install_property(
      klass, PROP_CHANNELS,
      g_param_spec_enum("channels", "Channels", "How the model runs over the channels of the audio",
                        channels_get_type(), defaults.each_channel ? kEach : kJoint, kReadWrite));
  g_object_class_install_property(
      klass, PROP_OUTPUT,
      g_param_spec_int("output", "Output",
                       "Which of the tensors that the model returns comes out, counted from 0", 0,
                       G_MAXINT, defaults.output, kReadWrite));
  g_object_class_install_property(
      klass, PROP_DEVICE,
      g_param_spec_string("device", "Device", "Where the model runs, as PyTorch names it",
                          defaults.device.c_str(), kReadWrite));
  for (const GType type : {padding_get_type(), channels_get_type()})
    gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
}

/// How its file is fetched.
void install_fetching(GObjectClass* klass) {
  const FetchOptions defaults;
  g_object_class_install_property(
      klass, PROP_SHA256,
      g_param_spec_string("sha256", "SHA-256",
                          "The SHA-256 that the file must have, 64 hexadecimal digits; none: any",
                          nullptr, kReadWrite));
  g_object_class_install_property(
      klass, PROP_AUTHORIZATION,
      g_param_spec_string("authorization", "Authorization",
                          "The Authorization header for http and https, such as \"Bearer ...\"; "
                          "none: the field authorization of a GstContext torchstreamer.http",
                          nullptr, kFlags));
  g_object_class_install_property(
      klass, PROP_CA_FILE,
      g_param_spec_string("ca-file", "CA file", "PEM certificates to trust instead of the system's",
                          nullptr, kReadWrite));
  g_object_class_install_property(
      klass, PROP_INSECURE_HTTP,
      g_param_spec_boolean("insecure-http", "Insecure HTTP",
                           "Whether to run what plain http brings where no sha256 pins it",
                           defaults.insecure_http, kReadWrite));
  g_object_class_install_property(
      klass, PROP_MAX_BYTES,
      g_param_spec_uint64("max-bytes", "Max bytes", "The largest file to fetch, in bytes", 0,
                          G_MAXUINT64, defaults.max_bytes, kReadWrite));
  g_object_class_install_property(
      klass, PROP_CACHE_BYTES,
      g_param_spec_uint64("cache-bytes", "Cache bytes",
                          "How much the cache of fetched files may hold, in bytes", 0, G_MAXUINT64,
                          defaults.cache_bytes, kReadWrite));
  g_object_class_install_property(
      klass, PROP_TIMEOUT,
      g_param_spec_uint("timeout", "Timeout",
                        "How long to wait for a server that sends nothing, in seconds; 0: forever",
                        0, G_MAXUINT / 1000, defaults.timeout_s, kReadWrite));
  g_object_class_install_property(
      klass, PROP_RETRIES,
      g_param_spec_uint("retries", "Retries", "How often to try again after a failed transfer", 0,
                        G_MAXUINT, defaults.retries, kReadWrite));
}

void set_text(GValue* value, const std::string& text) {
  g_value_set_string(value, text.empty() ? nullptr : text.c_str());
}

}  // namespace

bool operator==(const ModelSettings& a, const ModelSettings& b) {
  return compared(a) == compared(b);
}

void install_model_properties(GObjectClass* klass) {
  install_making(klass);
  install_fetching(klass);
}

bool set_model_property(ModelSettings* settings, guint id, const GValue* value) {
  LoadOptions& options = settings->options;
  FetchOptions& fetch = settings->fetch;
  const char* given = G_VALUE_HOLDS_STRING(value) ? g_value_get_string(value) : nullptr;
  const std::string text = given ? given : "";
  switch (id) {
    case PROP_LOCATION:
      return settings->location = text, true;
    case PROP_PADDING:
      return options.padding = static_cast<Padding>(g_value_get_enum(value)), true;
    case PROP_CHANNELS:
      return options.each_channel = g_value_get_enum(value) == kEach, true;
    case PROP_OUTPUT:
      return options.output = g_value_get_int(value), true;
    case PROP_DEVICE:
      return options.device = given ? text : LoadOptions().device, true;
    case PROP_SHA256:
      return fetch.sha256 = text, true;
    case PROP_AUTHORIZATION:
      return fetch.authorization = text, true;
    case PROP_CA_FILE:
      return fetch.ca_file = text, true;
    case PROP_INSECURE_HTTP:
      return fetch.insecure_http = g_value_get_boolean(value), true;
    case PROP_MAX_BYTES:
      return fetch.max_bytes = g_value_get_uint64(value), true;
    case PROP_CACHE_BYTES:
      return fetch.cache_bytes = g_value_get_uint64(value), true;
    case PROP_TIMEOUT:
      return fetch.timeout_s = g_value_get_uint(value), true;
    case PROP_RETRIES:
      return fetch.retries = g_value_get_uint(value), true;
    default:
      return false;
  }
}

bool get_model_property(const ModelSettings& settings, guint id, GValue* value) {
  const LoadOptions& options = settings.options;
  const FetchOptions& fetch = settings.fetch;
  switch (id) {
    case PROP_LOCATION:
      return set_text(value, settings.location), true;
    case PROP_PADDING:
      return g_value_set_enum(value, static_cast<int>(options.padding)), true;
    case PROP_CHANNELS:
      return g_value_set_enum(value, options.each_channel ? kEach : kJoint), true;
    case PROP_OUTPUT:
      return g_value_set_int(value, options.output), true;
    case PROP_DEVICE:
      return set_text(value, options.device), true;
    case PROP_SHA256:
      return set_text(value, fetch.sha256), true;
    case PROP_CA_FILE:
      return set_text(value, fetch.ca_file), true;
    case PROP_INSECURE_HTTP:
      return g_value_set_boolean(value, fetch.insecure_http), true;
    case PROP_MAX_BYTES:
      return g_value_set_uint64(value, fetch.max_bytes), true;
    case PROP_CACHE_BYTES:
      return g_value_set_uint64(value, fetch.cache_bytes), true;
    case PROP_TIMEOUT:
      return g_value_set_uint(value, fetch.timeout_s), true;
    case PROP_RETRIES:
      return g_value_set_uint(value, fetch.retries), true;
    default:
      return false;
  }
}

}  // namespace torchstreamer
