// Messages about loads.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>

#include "loader/settings.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

/// Posts a progress message. `percent`: -1 for none.
void post_progress(GstElement* element, GstProgressType type, const std::string& text,
                   int percent = -1);

/// Remarks and warnings about a model.
struct Remarks {
  std::shared_ptr<const Model> model;
  std::string cache_warning;  ///< see ModelFile::warning
};

void post_remarks(GstElement* element, const Remarks& remarks, const ModelSettings& settings);

}  // namespace torchstreamer
