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
  int64_t batch_wait_ns = 0;  ///< see GroupOptions::wait_ns
};

/// Returns true if both select the same model and group. Of the options of fetching, only `sha256`
/// is compared.
bool operator==(const ModelSettings& a, const ModelSettings& b);

}  // namespace torchstreamer
