// Which audio a model makes of which audio.
#pragma once

#include <gst/gst.h>

#include <string>

#include "torchstreamer/engine.h"

namespace torchstreamer {

/// The caps on the other side of `model` for `caps` on the side of `direction`: rates through the
/// model's exact ratio, as far as they are whole numbers; channel counts as the model says. Where
/// the count changes so does the channel-mask, to the one that the model declares. A model that
/// takes any number of channels is given up to 64, as many as GStreamer has positions for.
GstCaps* model_caps(const Model& model, GstPadDirection direction, const GstCaps* caps);

/// What `model` takes of `caps`, which say their channels.
GstCaps* accepted_caps(const Model& model, const GstCaps* caps);

/// Why `model` can take none of `caps`, which say their rates and channels, and what would help;
/// empty where it can take some.
std::string explain_refusal(const Model& model, const GstCaps* caps);
/// The same where nothing is made of the audio but what `model` says of it.
std::string explain_channel_refusal(const Model& model, const GstCaps* caps);

}  // namespace torchstreamer
