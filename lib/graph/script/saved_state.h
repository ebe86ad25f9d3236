// Attributes of a TorchScript module as they were saved.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <set>

namespace torchstreamer::graph {

/// Returns a copy of a module and of all modules, lists and dictionaries in it. The tensors are
/// shared.
c10::IValue with_own_objects(const c10::IValue& module);

/// A module whose calls start with the saved attributes: what a call writes to attributes does not
/// reach the next one. Thread-safe.
class SavedState {
 public:
  /// `graph`: of the method that is called, with all calls inlined.
  SavedState(torch::jit::Module module, const torch::jit::Graph& graph);

  /// Returns the module for one call: a copy of the parts that a call changes, if it changes any.
  c10::IValue module() const;

 private:
  torch::jit::Module module_;
  bool is_written_ = false;
  bool may_write_any_tensor_ = false;      // in place
  std::set<const void*> written_tensors_;  // tensors of attributes that are written in place
};

}  // namespace torchstreamer::graph
