// The nodes of exported graphs as nodes of TorchScript graphs.
#pragma once

#include "exported/graph/call.h"

namespace torchstreamer::exported {

/// Adds the nodes of a graph of the program. `inputs`: values of its inputs. Returns the values of
/// its outputs. Throws Refusal for an operator that cannot be converted.
Values add_graph(Builder& builder, const Json& graph, const Values& inputs);

}  // namespace torchstreamer::exported
