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

/// Returns whether both select the same model. Options of fetching other than `sha256` do not
/// count.
bool operator==(const ModelSettings& a, const ModelSettings& b);

}  // namespace torchstreamer
