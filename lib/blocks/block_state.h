// The state of one stream of blocks.
#pragma once

#include <memory>

#include "blocks/block_method.h"

namespace torchstreamer::blocks {

/// One stream of calls of a method: what the module changes, and the values of the arguments. Not
/// thread-safe; several streams of one method may run at the same time.
class BlockState {
 public:
  /// `rate_hz`: sample rate, 0 if it is unknown. Throws OptionError, Error.
  BlockState(std::shared_ptr<const BlockMethod> method, int64_t rate_hz);

  /// Calls the method with this signal argument. Throws the exceptions of the model.
  IValue call(const Tensor& argument);
  /// Drops the state: the next call starts a new signal.
  void reset() { is_started_ = false; }
  /// Sets values of arguments from the next call on. Throws OptionError, and changes nothing, if a
  /// value is wrong or is the state.
  void set_inputs(const NamedValues& inputs);
  /// Returns the shapes of the tensors in a returned state: that of the next call. `index`: in
  /// BlockMethod::returned_states().
  std::vector<std::vector<int64_t>> state_shapes(size_t index) const;
  /// Memory of the state in bytes, without the weights that streams share.
  int64_t held_bytes() const;

 private:
  void start();
  torch::jit::Stack initial_copy() const;
  void keep_returned_states(const IValue& returned);

  std::shared_ptr<const BlockMethod> method_;
  int64_t rate_hz_;
  NamedValues inputs_;
  std::vector<graph::AttributeSlot> attributes_;  // changed by the calls
  torch::jit::Stack initial_, values_;  // of all arguments: of the first call, of the next call
  bool is_started_ = false;
};

}  // namespace torchstreamer::blocks
