// The decision if a model is planned or called block by block.
#pragma once

#include <memory>

#include "blocks/block_model.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {

/// Returns the model called block by block if the options set a window, or if the model describes
/// its blocks, see method_params(), and the options set a hop or a tail, or it has no plan that
/// takes signals of all lengths, has the described output and computes what calls do. Otherwise
/// null: the model is planned. Throws OptionError if the options for blocks are wrong, and the
/// errors of BlockModel.
std::unique_ptr<BlockModel> block_model(const std::shared_ptr<const graph::ScriptModel>& model,
                                        const LoadOptions& options);

/// Called while handling an exception of a plan. Rethrows it. If the model keeps a state, demands a
/// size of its signal or needs the whole signal, the text of a Refusal or an Error other than
/// OptionError then names the properties that call the model block by block; the size of the window
/// is one that the text contains and the model takes.
[[noreturn]] void rethrow_with_advice(const std::shared_ptr<const graph::ScriptModel>& model,
                                      const LoadOptions& options);

}  // namespace torchstreamer::blocks
