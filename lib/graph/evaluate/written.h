// Tensors after a write to a part of them.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// One view in the chain from a tensor to the part that is written to.
struct ViewCall {
  Call call;
  size_t index;  ///< index of the operator's output
};

/// Runs the operator with `whole` as argument 0, for one length of the signal. Returns its output
/// `index`.
Tensor viewed(const torch::jit::Node* node, const std::vector<Value>& args, size_t index,
              const Tensor& whole, int64_t source_frames);

/// Returns the stream `root` after `write`, an operator in place, has changed the part that `views`
/// select. Adds the process that copies the frames of `root` and writes to the copy.
Value written_stream(Call write, const std::vector<ViewCall>& views, const Stream& root);

/// The same for a tensor that is constant or depends only on the length of the signal.
Value written_value(const Call& write, const std::vector<ViewCall>& views, const Value& whole);

}  // namespace torchstreamer::graph
