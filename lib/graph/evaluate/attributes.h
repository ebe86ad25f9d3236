// Attributes of the model while forward() runs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "graph/evaluate/object.h"
#include "support/shared_storages.h"

namespace torchstreamer::graph {

/// The attributes of modules and of other objects with methods: first as they were saved, then as
/// forward() writes them. The model itself is never written to.
class Attributes {
 public:
  /// `module`: the model.
  explicit Attributes(const IValue& module) : storages_(module) {}

  Object get(const IValue& owner, const std::string& name);
  void set(const IValue& owner, const std::string& name, Object value);

 private:
  struct Attribute {
    IValue owner;  // kept alive: its address is the key
    Object value;
  };
  Object with_shared_tensors(const IValue& saved, const Object& object);
  void connect_views(const Tensor& tensor, const Object& object);
  Node* make_view(const Tensor& tensor);

  std::map<std::pair<const void*, std::string>, Attribute> known_;
  std::map<const void*, Object> tensors_;  // attributes may share a tensor
  SharedStorages storages_;
  std::map<const void*, MemoryPtr> wholes_;  // whole storages that several tensors are views of
  // The operators of these views.
  std::shared_ptr<torch::jit::Graph> views_ = std::make_shared<torch::jit::Graph>();
};

}  // namespace torchstreamer::graph
