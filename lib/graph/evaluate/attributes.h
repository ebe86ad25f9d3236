// Attributes of the model while forward() runs.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "graph/evaluate/object.h"

namespace torchstreamer::graph {

/// The attributes of modules and of other objects with methods: first as they were saved, then as
/// forward() writes them. The model itself is never written to.
class Attributes {
 public:
  Object get(const IValue& owner, const std::string& name);
  void set(const IValue& owner, const std::string& name, Object value);

 private:
  struct Attribute {
    IValue owner;  // kept alive: its address is the key
    Object value;
  };
  std::map<std::pair<const void*, std::string>, Attribute> known_;
  std::map<const void*, Object> tensors_;  // attributes may share a tensor
};

}  // namespace torchstreamer::graph
