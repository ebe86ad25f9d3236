// The decision if a model is planned or called block by block.
#pragma once

#include <memory>

#include "blocks/block_model.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {

/// Returns the model called block by block if the options set a window, or if the model describes
/// its blocks, see method_params(), and has no plan that takes signals of all lengths and computes
/// what calls do. Otherwise null: the model is planned. Throws OptionError if the options for
/// blocks are wrong, and the errors of BlockModel.
std::unique_ptr<BlockModel> block_model(const std::shared_ptr<const graph::ScriptModel>& model,
                                        const LoadOptions& options);

/// Throws the refusal of a plan. If the model keeps a state, demands a size of its signal or needs
/// the whole signal, its reason then names the properties that call the model block by block; the
/// size of the window is one that the reason contains and the model takes.
[[noreturn]] void refuse_with_advice(const Refusal& refusal,
                                     const std::shared_ptr<const graph::ScriptModel>& model,
                                     const LoadOptions& options);

}  // namespace torchstreamer::blocks
