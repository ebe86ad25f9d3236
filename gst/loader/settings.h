// The settings that select a model.
#pragma once

#include <string>

#include "fetch/fetch.h"
#include "torchstreamer/load.h"

namespace torchstreamer {

struct ModelSettings {
  std::string location;  ///< a path, or a file://, http:// or https:// URI
  FetchOptions fetch;
  LoadOptions options;
};

/// Returns true if both select the same model. Of the options of fetching, only `sha256` is
/// compared.
bool operator==(const ModelSettings& a, const ModelSettings& b);

}  // namespace torchstreamer
