// A method of a module that is called for one block of frames after the other.
#pragma once

#include <ATen/core/stack.h>

#include <memory>
#include <string>
#include <vector>

#include "blocks/method/returned_states.h"
#include "graph/model/script_model.h"
#include "graph/script/arguments.h"
#include "graph/script/saved_state.h"

namespace torchstreamer::blocks {

using c10::IValue;

/// The call by which a model resets its state.
struct ResetCall {
  std::string method;           ///< empty if there is none
  torch::jit::Stack arguments;  ///< with None for `self`
  /// Names a method that cannot be called; empty if there is none, or if a different one is called.
  std::string warning;
};

/// Returns the call of reset_states() or, if the model has no such method that can be called, of
/// reset(). Its arguments are their defaults. If there is one argument without a default, an
/// integer named `batch`, `batch_size`, `n` or similar, it is 1: the number of signals of a stream.
ResetCall reset_call(const torch::jit::Module& module);

/// A method of a module that is called block by block. Immutable, thread-safe.
class BlockMethod {
 public:
  /// `options`: method, inputs and output. Throws Refusal, OptionError.
  BlockMethod(std::shared_ptr<const graph::ScriptModel> model, const LoadOptions& options);

  const graph::ScriptModel& model() const { return *model_; }
  const std::string& name() const { return name_; }
  const c10::FunctionSchema& schema() const;
  const NamedValues& inputs() const { return inputs_; }
  /// Index of the signal among all arguments, `self` included.
  size_t signal_argument() const { return signal_argument_; }
  const std::vector<ReturnedState>& returned_states() const { return returned_states_; }
  /// Name of the argument. `index`: in returned_states().
  const std::string& state_name(size_t index) const;
  /// Type of the value that a call returns.
  const c10::TypePtr& returned_type() const { return graph_->outputs()[0]->type(); }
  /// True if an argument gets the sample rate.
  bool takes_rate() const { return takes_rate_; }
  /// True if a call may depend on earlier calls.
  bool keeps_state() const { return writes_state_ || !returned_states_.empty(); }
  /// True unless the windows of one call may depend on each other in a way that trials do not show.
  bool may_take_batches() const { return !keeps_state() && has_independent_rows_; }

  /// See Model::warnings().
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// Returns the module at the start of a signal: as saved, then reset by its method reset_states()
  /// or reset(), if it has one. The calls change only copies.
  IValue start_module() const;
  /// Returns the values of all arguments for the first call of a signal. Those of `self` and of the
  /// signal are None. `inputs`: values by name. `rate_hz`: 0 if it is unknown. Throws OptionError,
  /// and Error if the rate is needed and unknown.
  torch::jit::Stack arguments(const NamedValues& inputs, int64_t rate_hz) const;
  /// Throws OptionError if one of the `inputs` is the signal or a state, or is outside its range in
  /// the settings of the file.
  void require_may_change(const NamedValues& inputs) const;

  /// Calls the method. `values`: the values of all arguments. Throws the exceptions of the model.
  IValue run(torch::jit::Stack values) const;

 private:
  std::vector<graph::Argument> arguments_of(const NamedValues& inputs) const;
  void prepare_reset();

  std::shared_ptr<const graph::ScriptModel> model_;
  std::string name_;
  NamedValues inputs_;
  std::shared_ptr<torch::jit::Graph> graph_;
  std::unique_ptr<torch::jit::Function> function_;
  std::unique_ptr<torch::jit::Function> reset_;  // null if the model has no such method
  torch::jit::Stack reset_values_;               // its arguments
  std::unique_ptr<const graph::SavedState> saved_state_;
  std::vector<ReturnedState> returned_states_;
  std::vector<std::string> warnings_;
  size_t signal_argument_ = 1;
  bool takes_rate_ = false;
  bool writes_state_ = false;
  bool has_independent_rows_ = false;
};

}  // namespace torchstreamer::blocks
