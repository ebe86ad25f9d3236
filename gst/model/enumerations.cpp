#include "model/enumerations.h"

#include <vector>

#include "model/properties.h"

namespace torchstreamer {
namespace {

struct Enumeration {
  const char* type_name;
  GEnumValue values[8];  // the last ones are zero
};

/// In the order of EnumerationId.
const Enumeration kEnumerations[] = {
    {"GstTsModelPadding",
     {{static_cast<int>(Padding::kModel), "As in the model: the output keeps its edges", "model"},
      {static_cast<int>(Padding::kValid), "None: convolutions and pools shorten the signal",
       "valid"}}},
    {"GstTsModelChannels",
     {{kJoint, "All channels in one call", "joint"},
      {kEach, "A mono model on every channel independently", "each"}}},
    {"GstTsModelLayout",
     {{static_cast<int>(Layout::kAuto), "The first of the others in which the model streams",
       "auto"},
      {static_cast<int>(Layout::kBatchChannelsTime), "[B, C, T]", "bct"},
      {static_cast<int>(Layout::kChannelsTime), "[C, T]", "ct"},
      {static_cast<int>(Layout::kTime), "[T], one channel", "t"},
      {static_cast<int>(Layout::kBatchTimeChannels), "[B, T, C]", "btc"},
      {static_cast<int>(Layout::kTimeBatchChannels), "[T, B, C]", "tbc"},
      {static_cast<int>(Layout::kTimeChannels), "[T, C]", "tc"}}},
    {"GstTsModelComplexOutput",
     {{static_cast<int>(ComplexOutput::kRefused), "The model is refused", "refuse"},
      {static_cast<int>(ComplexOutput::kChannels),
       "Real part and imaginary part as two channels for each one", "channels"}}},
    {"GstTsModelTail",
     {{static_cast<int>(Tail::kAuto),
       "As the file says, otherwise pad for windows and short for planned models", "auto"},
      {static_cast<int>(Tail::kPad), "Filled with zeros; the output is cut in proportion", "pad"},
      {static_cast<int>(Tail::kDrop), "Dropped", "drop"},
      {static_cast<int>(Tail::kShort), "The model gets the remaining frames as they are",
       "short"}}},
    {"GstTsModelTrust",
     {{static_cast<int>(Trust::kProgram), "Any program", "program"},
      {static_cast<int>(Trust::kOperators), "Graphs of known operators", "operators"}}},
    {"GstTsModelSwap",
     {{kDrain, "The signal of the old model is drained, then a new signal starts", "drain"},
      {kCross, "Both models process the signal until the new one can continue it without a seam",
       "cross"}}},
    {"GstTsModelOutputMode",
     {{kAudio, "As audio, in place of the input", "audio"},
      {kMessage, "As element messages; the audio passes unchanged", "message"}}}};

std::vector<GType> register_types() {
  std::vector<GType> types;
  for (const Enumeration& enumeration : kEnumerations) {
    types.push_back(g_enum_register_static(enumeration.type_name, enumeration.values));
    gst_type_mark_as_plugin_api(types.back(), static_cast<GstPluginAPIFlags>(0));
  }
  return types;
}

}  // namespace

GType enumeration_type(EnumerationId id) {
  static const std::vector<GType> types = register_types();
  return types[id];
}

}  // namespace torchstreamer
