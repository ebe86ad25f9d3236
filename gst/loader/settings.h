// The properties of tsmodel that say which model runs and how.
#pragma once

#include <gst/gst.h>

#include <string>

#include "fetch/fetch.h"
#include "torchstreamer/load.h"

namespace torchstreamer {

struct ModelSettings {
  std::string location;  ///< a path, or a file://, http:// or https:// URI
  FetchOptions fetch;
  LoadOptions options;
};

/// Whether both make the same model, however its file is fetched.
bool operator==(const ModelSettings& a, const ModelSettings& b);

/// Installs the properties, with ids from 1 up to kModelProperties. They may be set in any state.
constexpr guint kModelProperties = 13;
void install_model_properties(GObjectClass* klass);

/// Property `id` in `settings`; false where there is none with this id.
bool set_model_property(ModelSettings* settings, guint id, const GValue* value);
bool get_model_property(const ModelSettings& settings, guint id, GValue* value);

}  // namespace torchstreamer
