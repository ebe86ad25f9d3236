#include "model/enumerations.h"

#include "model/properties.h"

namespace torchstreamer {

GType padding_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Padding::kModel), "As in the model: the output keeps its edges", "model"},
      {static_cast<int>(Padding::kValid), "None: convolutions and pools shorten the signal",
       "valid"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelPadding", values);
  return type;
}

GType channels_type() {
  static const GEnumValue values[] = {
      {kJoint, "All channels in one call", "joint"},
      {kEach, "A mono model on every channel independently", "each"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelChannels", values);
  return type;
}

GType layout_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Layout::kAuto), "The first of the others in which the model streams",
       "auto"},
      {static_cast<int>(Layout::kBatchChannelsTime), "[B, C, T]", "bct"},
      {static_cast<int>(Layout::kChannelsTime), "[C, T]", "ct"},
      {static_cast<int>(Layout::kTime), "[T], one channel", "t"},
      {static_cast<int>(Layout::kBatchTimeChannels), "[B, T, C]", "btc"},
      {static_cast<int>(Layout::kTimeBatchChannels), "[T, B, C]", "tbc"},
      {static_cast<int>(Layout::kTimeChannels), "[T, C]", "tc"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelLayout", values);
  return type;
}

GType complex_output_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(ComplexOutput::kRefused), "The model is refused", "refuse"},
      {static_cast<int>(ComplexOutput::kChannels),
       "Real part and imaginary part as two channels for each one", "channels"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelComplexOutput", values);
  return type;
}

GType tail_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Tail::kAuto),
       "As the file says, otherwise pad for windows and short for planned models", "auto"},
      {static_cast<int>(Tail::kPad), "Filled with zeros; the output is cut in proportion", "pad"},
      {static_cast<int>(Tail::kDrop), "Dropped", "drop"},
      {static_cast<int>(Tail::kShort), "The model gets the remaining frames as they are", "short"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelTail", values);
  return type;
}

GType trust_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Trust::kProgram), "Any program", "program"},
      {static_cast<int>(Trust::kOperators), "Graphs of known operators", "operators"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelTrust", values);
  return type;
}

GType swap_type() {
  static const GEnumValue values[] = {
      {kDrain, "The signal of the old model is drained, then a new signal starts", "drain"},
      {kCross, "Both models process the signal until the new one can continue it without a seam",
       "cross"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelSwap", values);
  return type;
}

GType output_mode_type() {
  static const GEnumValue values[] = {
      {kAudio, "As audio, in place of the input", "audio"},
      {kMessage, "As element messages; the audio passes unchanged", "message"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelOutputMode", values);
  return type;
}

void mark_enumerations_as_api() {
  for (const GType type : {padding_type(), channels_type(), complex_output_type(), layout_type(),
                           tail_type(), trust_type(), swap_type(), output_mode_type()})
    gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
}

}  // namespace torchstreamer
