// An operator of the graph as something to call: its streams are replaced by tensors, the rest of
// its arguments stays.
#pragma once

#include <ATen/core/stack.h>

#include "graph/plan/value.h"

namespace torchstreamer::graph {

class Call;

/// Thread-safe: operators have no state.
class Operation {
 public:
  /// What does not come from the signal must be constant by now.
  explicit Operation(const Call& call);

  /// `in`: the streams among the arguments, in order, with the time axis where the model has it.
  /// Returns all tensors that come out, those of lists one by one.
  Tensors operator()(const Tensors& in) const;

 private:
  std::function<void(torch::jit::Stack&)> operation_;
  bool needs_contiguous_;  // views do not copy, and time-major frames lie in another order
  std::vector<Value> args_;
  std::vector<c10::TypePtr> types_;
};

/// The streams in `value` and in the items of lists, in order, added to `streams`.
void collect_streams(const Value& value, std::vector<Stream>& streams);
std::vector<Stream> streams_of(const Call& call);

/// How the output of an operator over streams lies in time.
struct Output {
  Stream stream;
  int64_t rate = 1;  ///< frames for each block of input frames
};

/// Calls the operator with 5 and with 12 blocks of `block` frames of every stream. The axis that
/// grows with them is the time axis of an output. Refuses where there is none.
std::vector<Output> probed_outputs(const Call& call, const Operation& operation,
                                   const std::vector<Stream>& inputs, int64_t block = 1);

/// `stream` of the time-major `frames` with its time axis where the model has it.
inline Tensor as_in_model(const Tensor& frames, const Stream& stream) {
  return frames.movedim(0, stream.axis);
}

}  // namespace torchstreamer::graph
