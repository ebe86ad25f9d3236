#include "model/property.h"

namespace torchstreamer {
namespace {

CallOptions& call(TsModelSettings* settings) { return settings->model.options.call; }
const CallOptions& call(const TsModelSettings& settings) { return settings.model.options.call; }

SharedStructure structure_of(const GValue* value) {
  const GstStructure* structure = gst_value_get_structure(value);
  if (!structure) return nullptr;
  return SharedStructure(gst_structure_copy(structure), gst_structure_free);
}

const PropertyTable kCallProperties = {
    text_property(
        {"method", "Method", "Exported method of the model to run; default: forward"},
        [](auto& s) -> auto& { return s.model.options.call.method; }),
    {[](GParamFlags flags) {
       return g_param_spec_boxed("inputs", "Inputs",
                                 "Values of the method's arguments other than the signal, such "
                                 "as inputs,gain=0.5",
                                 GST_TYPE_STRUCTURE, flags);
     },
     [](TsModelSettings* s, const GValue* value) { s->inputs = structure_of(value); },
     [](const TsModelSettings& s, GValue* value) { g_value_set_boxed(value, s.inputs.get()); },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_boxed("attributes", "Attributes",
                                 "Values of the model's attributes that are set before it runs, "
                                 "such as attributes,drive=2.0",
                                 GST_TYPE_STRUCTURE, flags);
     },
     [](TsModelSettings* s, const GValue* value) { s->attributes = structure_of(value); },
     [](const TsModelSettings& s, GValue* value) { g_value_set_boxed(value, s.attributes.get()); },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_int("window", "Window",
                               "Number of frames of one call of a model that is called block by "
                               "block; 0: as the file says, otherwise planned as a stream",
                               0, kMostWindowFrames, 0, flags);
     },
     [](TsModelSettings* s, const GValue* value) {
       call(s).window_frames = g_value_get_int(value);
     },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_int(value, static_cast<int>(call(s).window_frames));
     },
     kInPlaying, true},
    {[](GParamFlags flags) {
       return g_param_spec_int("hop", "Hop",
                               "Number of frames between the starts of two windows, at most "
                               "window; 0: as the file says, otherwise window",
                               0, kMostWindowFrames, 0, flags);
     },
     [](TsModelSettings* s, const GValue* value) { call(s).hop_frames = g_value_get_int(value); },
     [](const TsModelSettings& s, GValue* value) {
       g_value_set_int(value, static_cast<int>(call(s).hop_frames));
     },
     kInPlaying, true},
    enum_property(
        {"tail", "Tail",
         "Treatment of the end of a signal if its last window is incomplete, or if the model does "
         "not take its length"},
        kTailEnumeration, [](auto& s) -> auto& { return s.model.options.call.tail; }, kInPlaying,
        true)};

}  // namespace

const PropertyTable& call_properties() { return kCallProperties; }

}  // namespace torchstreamer
