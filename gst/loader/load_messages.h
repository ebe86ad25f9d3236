// Messages about loads.
#pragma once

#include <gst/gst.h>

#include <string>

#include "loader/settings.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

/// Posts a progress message. `percent`: -1 for none.
void post_progress(GstElement* element, GstProgressType type, const std::string& text,
                   int percent = -1);

/// Posts the remarks and warnings of a model.
void post_remarks(GstElement* element, const Model& model, const ModelSettings& settings);

}  // namespace torchstreamer
