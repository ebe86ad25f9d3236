// Statements that have no effect on the audio.
#pragma once

#include "graph/evaluate/attributes.h"

namespace torchstreamer::graph {

/// Returns true for a node that only prints, warns, profiles, or sets the computation of gradients.
bool has_no_effect(const Node* node);

/// Returns true if `manager`, the object of a `with` statement, has no effect: no_grad(),
/// record_function() and the like. Refuses the node if it is an autocast that is enabled for
/// `device`. Returns false for a class that is not PyTorch's.
bool is_without_effect(const Node* node, const IValue& manager, Attributes& attributes,
                       at::Device device);

}  // namespace torchstreamer::graph
