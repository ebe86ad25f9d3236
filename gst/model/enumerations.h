// The enumerations among the types of tsmodel's properties.
#pragma once

#include <gst/gst.h>

namespace torchstreamer {

/// Values of the property `channels`, as LoadOptions::each_channel.
enum ChannelMode { kJoint = false, kEach = true };

enum EnumerationId {
  kPaddingEnumeration,
  kChannelsEnumeration,
  kLayoutEnumeration,
  kComplexOutputEnumeration,
  kTailEnumeration,
  kTrustEnumeration,
  kSwapEnumeration,
  kOutputModeEnumeration,
};

/// Returns the type. Its values are those of the enumerations of LoadOptions, of ChannelMode,
/// SwapMode and OutputMode. The first call registers all types as API of the plugin, so that its
/// documentation contains them.
GType enumeration_type(EnumerationId id);

}  // namespace torchstreamer
