#include "model/properties.h"

#include <iterator>
#include <string>

#include "model/enumerations.h"

namespace torchstreamer {
namespace {

std::string text_of(const GValue* value) {
  const char* text = g_value_get_string(value);
  return text ? text : "";
}

void set_text(GValue* value, const std::string& text) {
  g_value_set_string(value, text.empty() ? nullptr : text.c_str());
}

using Settings = TsModelSettings;

const Settings& defaults() {
  static const Settings settings;
  return settings;
}

struct Property {
  GParamSpec* (*make_spec)(GParamFlags flags);
  void (*set)(Settings* settings, const GValue* value);
  void (*get)(const Settings& settings, GValue* value);  // null: write-only
  GParamFlags changes;
  bool selects_model;
};

constexpr auto kInReady = static_cast<GParamFlags>(GST_PARAM_MUTABLE_READY);
constexpr auto kInPlaying = static_cast<GParamFlags>(GST_PARAM_MUTABLE_PLAYING);

/// The id of a property is its index + 1.
const Property kProperties[] = {
    // Properties that select the model.
    {[](GParamFlags flags) {
       return g_param_spec_string(
           "location", "Location",
           "TorchScript or torch.export file to run: a path, or a file://, http:// or "
           "https:// URI",
           nullptr, flags);
     },
     [](Settings* s, const GValue* value) { s->model.location = text_of(value); },
     [](const Settings& s, GValue* value) { set_text(value, s.model.location); }, kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_enum(
           "padding", "Padding",
           "model: convolutions and pools keep their padding; valid: they drop it", padding_type(),
           static_cast<int>(defaults().model.options.padding), flags);
     },
     [](Settings* s, const GValue* value) {
       s->model.options.padding = static_cast<Padding>(g_value_get_enum(value));
     },
     [](const Settings& s, GValue* value) {
       g_value_set_enum(value, static_cast<int>(s.model.options.padding));
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_enum("channels", "Channels",
                                "joint: all channels in one call; each: a mono model on every "
                                "channel independently",
                                channels_type(),
                                defaults().model.options.each_channel ? kEach : kJoint, flags);
     },
     [](Settings* s, const GValue* value) {
       s->model.options.each_channel = g_value_get_enum(value) == kEach;
     },
     [](const Settings& s, GValue* value) {
       g_value_set_enum(value, s.model.options.each_channel ? kEach : kJoint);
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_string("output", "Output",
                                  "Index of the output tensor to use, counted from 0; default: 0",
                                  nullptr, flags);
     },
     [](Settings* s, const GValue* value) { s->model.options.output = text_of(value); },
     [](const Settings& s, GValue* value) { set_text(value, s.model.options.output); }, kInPlaying,
     true},
    {[](GParamFlags flags) {
       return g_param_spec_enum("complex-output", "Complex output",
                                "refuse: a model with a complex output is refused; channels: its "
                                "real and imaginary parts are channels",
                                complex_output_type(),
                                static_cast<int>(defaults().model.options.complex_output), flags);
     },
     [](Settings* s, const GValue* value) {
       s->model.options.complex_output = static_cast<ComplexOutput>(g_value_get_enum(value));
     },
     [](const Settings& s, GValue* value) {
       g_value_set_enum(value, static_cast<int>(s.model.options.complex_output));
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_enum("layout", "Layout",
                                "Axes of the tensor that the model takes: batch, channels, time; "
                                "auto: the first layout in which the model streams",
                                layout_type(), static_cast<int>(defaults().model.options.layout),
                                flags);
     },
     [](Settings* s, const GValue* value) {
       s->model.options.layout = static_cast<Layout>(g_value_get_enum(value));
     },
     [](const Settings& s, GValue* value) {
       g_value_set_enum(value, static_cast<int>(s.model.options.layout));
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint64(
           "max-memory-frames", "Maximum memory",
           "Length in frames of the longest signal, for attention over all earlier frames; 0: such "
           "models are refused",
           0, G_MAXINT64, defaults().model.options.max_memory_frames, flags);
     },
     [](Settings* s, const GValue* value) {
       s->model.options.max_memory_frames = static_cast<int64_t>(g_value_get_uint64(value));
     },
     [](const Settings& s, GValue* value) {
       g_value_set_uint64(value, s.model.options.max_memory_frames);
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_string("device", "Device",
                                  "PyTorch device that runs the model, such as cpu or cuda:0",
                                  defaults().model.options.device.c_str(), flags);
     },
     [](Settings* s, const GValue* value) {
       s->model.options.device =
           g_value_get_string(value) ? text_of(value) : defaults().model.options.device;
     },
     [](const Settings& s, GValue* value) { set_text(value, s.model.options.device); }, kInPlaying,
     true},
    // Properties of its file.
    {[](GParamFlags flags) {
       return g_param_spec_string("sha256", "SHA-256",
                                  "SHA-256 that the file must have, 64 hexadecimal digits; "
                                  "default: not checked",
                                  nullptr, flags);
     },
     [](Settings* s, const GValue* value) { s->model.fetch.sha256 = text_of(value); },
     [](const Settings& s, GValue* value) { set_text(value, s.model.fetch.sha256); }, kInPlaying,
     true},
    {[](GParamFlags flags) {
       return g_param_spec_string("authorization", "Authorization",
                                  "Authorization header for http and https, such as \"Bearer "
                                  "...\"; default: the field authorization of a GstContext "
                                  "torchstreamer.http",
                                  nullptr, flags);
     },
     [](Settings* s, const GValue* value) { s->model.fetch.authorization = text_of(value); },
     nullptr, kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_string("ca-file", "CA file",
                                  "PEM file of the certificates to trust; default: the "
                                  "certificates of the system",
                                  nullptr, flags);
     },
     [](Settings* s, const GValue* value) { s->model.fetch.ca_file = text_of(value); },
     [](const Settings& s, GValue* value) { set_text(value, s.model.fetch.ca_file); }, kInPlaying,
     true},
    {[](GParamFlags flags) {
       return g_param_spec_boolean("insecure-http", "Insecure HTTP",
                                   "Allow models over plain http without a sha256",
                                   defaults().model.fetch.insecure_http, flags);
     },
     [](Settings* s, const GValue* value) {
       s->model.fetch.insecure_http = g_value_get_boolean(value);
     },
     [](const Settings& s, GValue* value) {
       g_value_set_boolean(value, s.model.fetch.insecure_http);
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint64("max-bytes", "Max bytes",
                                  "Maximum size of a fetched file in bytes", 0, G_MAXUINT64,
                                  defaults().model.fetch.max_bytes, flags);
     },
     [](Settings* s, const GValue* value) { s->model.fetch.max_bytes = g_value_get_uint64(value); },
     [](const Settings& s, GValue* value) { g_value_set_uint64(value, s.model.fetch.max_bytes); },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint64("cache-bytes", "Cache bytes",
                                  "Maximum size of the cache of fetched files in bytes", 0,
                                  G_MAXUINT64, defaults().model.fetch.cache_bytes, flags);
     },
     [](Settings* s, const GValue* value) {
       s->model.fetch.cache_bytes = g_value_get_uint64(value);
     },
     [](const Settings& s, GValue* value) { g_value_set_uint64(value, s.model.fetch.cache_bytes); },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint("timeout", "Timeout",
                                "Seconds without data from the server before giving up; 0: never",
                                0, G_MAXUINT / 1000, defaults().model.fetch.timeout_s, flags);
     },
     [](Settings* s, const GValue* value) { s->model.fetch.timeout_s = g_value_get_uint(value); },
     [](const Settings& s, GValue* value) { g_value_set_uint(value, s.model.fetch.timeout_s); },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint("retries", "Retries", "Number of retries of a failed transfer", 0,
                                G_MAXUINT, defaults().model.fetch.retries, flags);
     },
     [](Settings* s, const GValue* value) { s->model.fetch.retries = g_value_get_uint(value); },
     [](const Settings& s, GValue* value) { g_value_set_uint(value, s.model.fetch.retries); },
     kInPlaying, true},
    // Properties of swaps and of the output.
    {[](GParamFlags flags) {
       return g_param_spec_uint64("swap-time", "Swap time",
                                  "Running time of the first frame of the next model, in "
                                  "nanoseconds; default: as soon as possible",
                                  0, G_MAXUINT64, defaults().swap.running_time, flags);
     },
     [](Settings* s, const GValue* value) { s->swap.running_time = g_value_get_uint64(value); },
     [](const Settings& s, GValue* value) { g_value_set_uint64(value, s.swap.running_time); },
     kInPlaying, false},
    {[](GParamFlags flags) {
       return g_param_spec_enum("swap", "Swap", "How the next model takes over while audio flows",
                                swap_type(), defaults().swap.mode, flags);
     },
     [](Settings* s, const GValue* value) {
       s->swap.mode = static_cast<SwapMode>(g_value_get_enum(value));
     },
     [](const Settings& s, GValue* value) { g_value_set_enum(value, s.swap.mode); }, kInPlaying,
     false},
    {[](GParamFlags flags) {
       return g_param_spec_enum("output-mode", "Output mode", "How to deliver the model's output",
                                output_mode_type(), defaults().output_mode, flags);
     },
     [](Settings* s, const GValue* value) {
       s->output_mode = static_cast<OutputMode>(g_value_get_enum(value));
     },
     [](const Settings& s, GValue* value) { g_value_set_enum(value, s.output_mode); }, kInReady,
     false}};

const Property* find(guint id) {
  return id >= 1 && id <= std::size(kProperties) ? &kProperties[id - 1] : nullptr;
}

}  // namespace

void install_model_properties(GObjectClass* klass) {
  mark_enumerations_as_api();
  for (guint id = 1; const Property* property = find(id); ++id) {
    const int access = property->get ? G_PARAM_READWRITE : G_PARAM_WRITABLE;
    const auto flags =
        static_cast<GParamFlags>(access | G_PARAM_STATIC_STRINGS | property->changes);
    g_object_class_install_property(klass, id, property->make_spec(flags));
  }
}

bool set_model_property(TsModelSettings* settings, guint id, const GValue* value) {
  const Property* property = find(id);
  if (property) property->set(settings, value);
  return property;
}

bool get_model_property(const TsModelSettings& settings, guint id, GValue* value) {
  const Property* property = find(id);
  if (!property || !property->get) return false;
  property->get(settings, value);
  return true;
}

bool selects_model(guint id) {
  const Property* property = find(id);
  return property && property->selects_model;
}

}  // namespace torchstreamer
