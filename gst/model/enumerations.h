// The enumerations among the types of tsmodel's properties.
#pragma once

#include <gst/gst.h>

namespace torchstreamer {

/// Values of the property `channels`.
enum ChannelMode { kJoint, kEach };

// Types, registered by the first call. Their values are those of the enumerations of LoadOptions,
// of ChannelMode, SwapMode and OutputMode.
GType padding_type();
GType channels_type();
GType complex_output_type();
GType layout_type();
GType tail_type();
GType trust_type();
GType swap_type();
GType output_mode_type();

/// Lets the documentation of the plugin contain the types.
void mark_enumerations_as_api();

}  // namespace torchstreamer
