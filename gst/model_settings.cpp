#include "model_settings.h"

#include <tuple>

namespace torchstreamer {
namespace {

enum { PROP_0, PROP_LOCATION, PROP_PADDING, PROP_CHANNELS, PROP_OUTPUT, PROP_DEVICE };

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
  return std::tie(s.location, o.padding, o.channels, o.each_channel, o.output, o.device);
}

}  // namespace

bool operator==(const ModelSettings& a, const ModelSettings& b) {
  return compared(a) == compared(b);
}

void install_model_properties(GObjectClass* klass) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_READY);
  const LoadOptions defaults;
  g_object_class_install_property(
      klass, PROP_LOCATION,
      g_param_spec_string("location", "Location",
                          "The TorchScript file to run: a path or a file:// URI", nullptr, flags));
  g_object_class_install_property(
      klass, PROP_PADDING,
      g_param_spec_enum("padding", "Padding", "What the padding of the model's layers becomes",
                        padding_get_type(), static_cast<int>(defaults.padding), flags));
  g_object_class_install_property(
      klass, PROP_CHANNELS,
      g_param_spec_enum("channels", "Channels", "How the model runs over the channels of the audio",
                        channels_get_type(), defaults.each_channel ? kEach : kJoint, flags));
  g_object_class_install_property(
      klass, PROP_OUTPUT,
      g_param_spec_int("output", "Output",
                       "Which of the tensors that the model returns comes out, counted from 0", 0,
                       G_MAXINT, defaults.output, flags));
  g_object_class_install_property(
      klass, PROP_DEVICE,
      g_param_spec_string("device", "Device", "Where the model runs, as PyTorch names it",
                          defaults.device.c_str(), flags));
  for (const GType type : {padding_get_type(), channels_get_type()})
    gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
}

bool set_model_property(ModelSettings* settings, guint id, const GValue* value) {
  const char* text = G_VALUE_HOLDS_STRING(value) ? g_value_get_string(value) : nullptr;
  switch (id) {
    case PROP_LOCATION:
      settings->location = text ? text : "";
      return true;
    case PROP_PADDING:
      settings->options.padding = static_cast<Padding>(g_value_get_enum(value));
      return true;
    case PROP_CHANNELS:
      settings->options.each_channel = g_value_get_enum(value) == kEach;
      return true;
    case PROP_OUTPUT:
      settings->options.output = g_value_get_int(value);
      return true;
    case PROP_DEVICE:
      settings->options.device = text ? text : LoadOptions().device;
      return true;
    default:
      return false;
  }
}

bool get_model_property(const ModelSettings& settings, guint id, GValue* value) {
  const std::string& location = settings.location;
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string(value, location.empty() ? nullptr : location.c_str());
      return true;
    case PROP_PADDING:
      g_value_set_enum(value, static_cast<int>(settings.options.padding));
      return true;
    case PROP_CHANNELS:
      g_value_set_enum(value, settings.options.each_channel ? kEach : kJoint);
      return true;
    case PROP_OUTPUT:
      g_value_set_int(value, settings.options.output);
      return true;
    case PROP_DEVICE:
      g_value_set_string(value, settings.options.device.c_str());
      return true;
    default:
      return false;
  }
}

}  // namespace torchstreamer
