// Types of TorchScript in messages to users.
#pragma once

#include <ATen/core/jit_type.h>

#include <string>

#include "support/plain_names.h"

namespace torchstreamer::graph {

/// Returns "Tensor", "List[int]", "Net".
inline std::string type_name(const c10::TypePtr& type) {
  return with_plain_names(type->annotation_str());
}

}  // namespace torchstreamer::graph
