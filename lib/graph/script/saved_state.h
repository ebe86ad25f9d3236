// Attributes of a TorchScript module as they were saved.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace torchstreamer::graph {

/// Returns a copy of a module and of all modules, lists and dictionaries in it. The tensors are
/// shared.
c10::IValue with_own_objects(const c10::IValue& module);

/// A module whose calls start with the saved attributes: values that a call writes to attributes
/// are not visible to the next call. Thread-safe.
class SavedState {
 public:
  /// `graphs`: graphs of the methods that may be called, with all calls inlined.
  SavedState(const torch::jit::Module& module, const std::vector<const torch::jit::Graph*>& graphs);
  SavedState(const torch::jit::Module& module, const torch::jit::Graph& graph)
      : SavedState(module, std::vector{&graph}) {}

  /// Returns the module for one call: a copy of the parts that a call changes, if it changes any.
  c10::IValue module() const;
  /// True if a call changes the module.
  bool is_written() const { return is_written_; }

 private:
  void find_writes(const torch::jit::Graph& graph);
  void find_write(const torch::jit::Graph& graph, const torch::jit::Node* node,
                  const torch::jit::Value* changed);
  void add_alias(const torch::jit::Graph& graph, const std::string& name,
                 const torch::jit::Value* value);
  void add_aliases();

  torch::jit::Module module_;
  bool is_written_ = false;
  bool may_write_any_tensor_ = false;    // in place
  std::set<std::string> written_names_;  // of attributes with tensors that are written in place
  // Attributes that are set to the memory of a different attribute; none: it is not known which.
  std::vector<std::pair<std::string, std::optional<std::string>>> aliases_;
  std::set<const void*> written_storages_;  // of attributes that are written in place
};

}  // namespace torchstreamer::graph
