// Mapping of caps through a model.
#pragma once

#include <gst/gst.h>

#include <string>

#include "torchstreamer/engine.h"

namespace torchstreamer {

/// Returns the caps on the other side of `model` for `caps` on the side of `direction`. Rates are
/// multiplied by the model's exact ratio; results that are not integers are omitted. If the model
/// has a sample rate, only that is an input rate. Channel counts are mapped by the model. If the
/// count changes, channel-mask is set to the mask that the model declares. For a model that takes
/// any number of channels, the caps contain up to 64 channels, GStreamer's number of positions.
GstCaps* map_caps(const Model& model, GstPadDirection direction, const GstCaps* caps);

/// Returns the part of `caps` that `model` accepts. `caps` must have channels.
GstCaps* accepted_caps(const Model& model, const GstCaps* caps);

/// Explains why `model` accepts none of `caps`, and how to convert them; empty if it accepts some.
/// `caps` must have rates and channels.
std::string explain_refusal(const Model& model, const GstCaps* caps);
/// The same for a model that analyzes the audio: its output may have any rate.
std::string explain_analysis_refusal(const Model& model, const GstCaps* caps);

}  // namespace torchstreamer
