// One group of the engines of each model in a process.
#pragma once

#include <cstdint>
#include <memory>

#include "torchstreamer/engine.h"

namespace torchstreamer {

/// Returns the group of the engines of this model that wait this long for each other, see
/// GroupOptions::wait_ns; null if the model has none. All callers with equal arguments share one
/// group while any of them holds it. Thread-safe.
std::shared_ptr<Group> shared_group(const std::shared_ptr<const Model>& model, int64_t wait_ns);

}  // namespace torchstreamer
