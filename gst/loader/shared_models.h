// One copy of the weights per process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "torchstreamer/load.h"

namespace torchstreamer {

/// The model that the file with this digest and these options make. Every caller that asks for the
/// same gets the same as long as somebody holds it; `load` makes it where nobody does, once, while
/// others who ask for it wait. Throws what `load` throws. Thread-safe.
std::shared_ptr<const Model> share_model(const std::string& sha256, const LoadOptions& options,
                                         const std::function<Model*()>& load);

}  // namespace torchstreamer
