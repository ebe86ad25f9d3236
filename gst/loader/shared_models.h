// One copy of the weights of each model in a process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "torchstreamer/load.h"

namespace torchstreamer {

/// Returns the model of the file with this digest, loaded with these options. All callers with
/// equal arguments share one model while any of them holds it. If no caller holds it, the first
/// caller calls `load` and the others wait. Models whose options differ only in their inputs share
/// the weights if Model::with_inputs() returns such a model. Rethrows the exceptions of `load` and
/// with_inputs(). Thread-safe.
std::shared_ptr<const Model> share_model(const std::string& sha256, const LoadOptions& options,
                                         const std::function<Model*()>& load);

}  // namespace torchstreamer
