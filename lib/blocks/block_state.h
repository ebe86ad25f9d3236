// The state of one stream of blocks.
#pragma once

#include <memory>

#include "blocks/method/block_method.h"

namespace torchstreamer::blocks {

/// One stream of calls of a method: the parts of the module that calls change, and the values of
/// the arguments. Not thread-safe; several streams of one method may run at the same time.
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
  /// Value for the next call of an argument that is a state. `index`: in
  /// BlockMethod::returned_states().
  const IValue& returned_state(size_t index) const;
  /// Returns the memory of this stream in bytes: tensors and containers of the module, and of the
  /// first and the next values of its arguments, at any depth. The parts of the module that all
  /// streams share are left out. A view counts with its whole storage. The memory is counted again
  /// when the number of calls has doubled.
  int64_t held_bytes() const;

 private:
  void start();
  torch::jit::Stack initial_copy() const;
  void keep_returned_states(const IValue& returned);
  int64_t counted_bytes() const;

  std::shared_ptr<const BlockMethod> method_;
  int64_t rate_hz_;
  NamedValues inputs_;
  torch::jit::Stack initial_, values_;  // arguments of the first call, of the next call
  bool is_started_ = false;
  int64_t calls_ = 0;
  mutable int64_t held_bytes_ = 0, next_count_ = 0;  // counted again after next_count_ calls
};

}  // namespace torchstreamer::blocks
