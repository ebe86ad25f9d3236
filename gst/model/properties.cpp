#include "model/properties.h"

#include "model/named_values.h"
#include "model/property.h"

namespace torchstreamer {
namespace {

/// The file and the options of its plan.
const PropertyTable kModelProperties = {
    text_property(
        {"location", "Location",
         "TorchScript or torch.export file to run: a path, or a file://, http:// or https:// URI"},
        [](auto& s) -> auto& { return s.model.location; }),
    enum_property(
        {"padding", "Padding",
         "model: convolutions and pools keep their padding; valid: they drop it"},
        kPaddingEnumeration, [](auto& s) -> auto& { return s.model.options.padding; }, kInPlaying,
        true),
    enum_property(
        {"channels", "Channels",
         "joint: all channels in one call; each: a mono model on every channel independently"},
        kChannelsEnumeration, [](auto& s) -> auto& { return s.model.options.each_channel; },
        kInPlaying, true),
    text_property(
        {"output", "Output",
         "Output tensor to use: its index, counted from 0, or its name; default: the first one"},
        [](auto& s) -> auto& { return s.model.options.output; }),
    enum_property(
        {"complex-output", "Complex output",
         "refuse: a model with a complex output is refused; channels: its real and imaginary parts "
         "are channels"},
        kComplexOutputEnumeration, [](auto& s) -> auto& { return s.model.options.complex_output; },
        kInPlaying, true),
    enum_property(
        {"layout", "Layout",
         "Axes of the tensor that the model takes: batch, channels, time; auto: the first layout "
         "in which the model streams"},
        kLayoutEnumeration, [](auto& s) -> auto& { return s.model.options.layout; }, kInPlaying,
        true),
    {[](GParamFlags flags) {
       return g_param_spec_uint64("max-memory-frames", "Maximum memory",
                                  "Length in frames of the longest signal, for attention over "
                                  "all earlier frames; 0: such "
                                  "models are refused",
                                  0, G_MAXINT64, default_settings().model.options.max_memory_frames,
                                  flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       s->model.options.max_memory_frames = static_cast<int64_t>(g_value_get_uint64(value));
     },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_uint64(value, s.model.options.max_memory_frames);
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_string("device", "Device",
                                  "PyTorch device that runs the model, such as cpu or cuda:0",
                                  default_settings().model.options.device.c_str(), flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       s->model.options.device =
           g_value_get_string(value) ? text_of(value) : default_settings().model.options.device;
     },
     [](const TsModelSettings& s, GValue* value) { set_text(value, s.model.options.device); },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_uint64("batch-wait", "Batch wait",
                                  "Maximum time that a push waits for those of other elements "
                                  "with the same model, to compute them together, in nanoseconds; "
                                  "added to the latency",
                                  0, GST_SECOND, default_settings().model.batch_wait_ns, flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       s->model.batch_wait_ns = static_cast<int64_t>(g_value_get_uint64(value));
     },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_uint64(value, s.model.batch_wait_ns);
     },
     kInReady, true},
    enum_property(
        {"trust", "Trust",
         "program: the file may contain any program; operators: only graphs of known operators are "
         "run"},
        kTrustEnumeration, [](auto& s) -> auto& { return s.model.options.trust; }, kInPlaying,
        true)};

/// Swaps and the output.
const PropertyTable kOutputProperties = {
    {[](GParamFlags flags) {
       return g_param_spec_uint64("swap-time", "Swap time",
                                  "Running time of the first frame of the next model, in "
                                  "nanoseconds; default: as soon as possible",
                                  0, G_MAXUINT64, default_settings().swap.running_time, flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       s->swap.running_time = g_value_get_uint64(value);
     },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_uint64(value, s.swap.running_time);
     },
     kInPlaying, false},
    enum_property(
        {"swap", "Swap", "How the next model takes over while audio flows"}, kSwapEnumeration,
        [](auto& s) -> auto& { return s.swap.mode; }, kInPlaying, false),
    enum_property(
        {"output-mode", "Output mode", "How to deliver the model's output"}, kOutputModeEnumeration,
        [](auto& s) -> auto& { return s.output_mode; }, kInReady, false)};

/// The id of a property is its index in all tables, counted from 1.
const Property* find(guint id) {
  if (id == 0) return nullptr;
  size_t index = id - 1;
  for (const PropertyTable* table :
       {&kModelProperties, &call_properties(), &file_properties(), &kOutputProperties}) {
    if (index < table->size()) return &(*table)[index];
    index -= table->size();
  }
  return nullptr;
}

}  // namespace

const TsModelSettings& default_settings() {
  static const TsModelSettings settings;
  return settings;
}

std::string text_of(const GValue* value) {
  const char* text = g_value_get_string(value);
  return text ? text : "";
}

void set_text(GValue* value, const std::string& text) {
  g_value_set_string(value, text.empty() ? nullptr : text.c_str());
}

void install_model_properties(GObjectClass* klass) {
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

ModelSettings selected_model(const TsModelSettings& settings) {
  ModelSettings model = settings.model;
  model.options.call.inputs = named_values(settings.inputs.get(), "inputs");
  model.options.call.attributes = named_values(settings.attributes.get(), "attributes");
  return model;
}

bool selects_model(guint id) {
  const Property* property = find(id);
  return property && property->selects_model;
}

}  // namespace torchstreamer
