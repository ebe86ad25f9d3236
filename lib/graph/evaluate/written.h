// Tensors after a write to a part of them.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// One view on the way from a tensor to the part that is written to.
struct ViewCall {
  Call call;
  size_t index;  ///< which of the operator's outputs
};

/// Returns the stream `root` after `write`, an operator in place, has changed the part that `views`
/// lead to. Adds the process that copies the frames of `root` and writes to the copy.
Value written_stream(Call write, const std::vector<ViewCall>& views, const Stream& root);

/// The same for a tensor that depends only on the length of the signal.
Value written_symbol(const Call& write, const std::vector<ViewCall>& views, const SymbolPtr& root);

}  // namespace torchstreamer::graph
