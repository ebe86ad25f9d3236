// The graph of forward() while it is built.
#pragma once

#include <c10/core/Device.h>
#include <torch/csrc/jit/ir/ir.h>

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "exported/graph/place.h"

namespace torchstreamer::exported {

using Json = nlohmann::json;
using torch::jit::Graph;
using torch::jit::Value;

/// Adds an operator by its qualified name, "aten::add", of the overload that takes the arguments.
inline Value* add_call(Graph& graph, const char* name,
                       const std::vector<torch::jit::NamedValue>& args) {
  return graph.insert(c10::Symbol::fromQualString(name), args);
}

/// The values of an exported graph, or of an inner graph.
struct Scope {
  const Json* tensors = nullptr;  ///< types and shapes by name, as the program states them
  std::unordered_map<std::string, Value*> values{};  ///< by their names in the program
};

/// A graph while it is built.
class Builder {
 public:
  /// `device`: replaces every device that the program names.
  Builder(Graph& graph, torch::jit::Function* forward, c10::Device device)
      : graph_(graph), forward_(forward), device_(device) {}

  Graph& graph() { return graph_; }
  torch::jit::Function* forward() const { return forward_; }
  c10::Device device() const { return device_; }

  void set(const std::string& name, Value* value) { scope_.values[name] = value; }
  /// Throws Error if no value has the name.
  Value* get(const std::string& name) const;
  /// Returns true if the program states that the tensor's elements are booleans.
  bool is_boolean(const std::string& name) const;
  /// Type of a tensor as the program states it; none if it does not.
  std::optional<c10::ScalarType> dtype(const std::string& name) const;
  /// Shape of a tensor as the program states it, a list of unions; null if it does not.
  const Json* sizes(const std::string& name) const;
  const Json* sizes(const Value* value) const;
  /// Replaces the scope, for an inner graph. Returns the former one.
  Scope exchange_scope(Scope scope) { return std::exchange(scope_, std::move(scope)); }

  Value* constant(const c10::IValue& value) { return graph_.insertConstant(value); }

  /// Returns the argument as a value of the type; null if it does not have the type. `arg`: a
  /// union, {"as_int": 3}.
  Value* argument(const Json& arg, const c10::TypePtr& type);
  /// The same with three conversions: a number becomes a tensor, as in Python, a boolean becomes 0
  /// or 1 (no operator of TorchScript takes it as a number), and a whole real number becomes an
  /// integer, because some operators that take real numbers now take integers in libtorch 1.13.
  Value* converted_argument(const Json& arg, const c10::TypePtr& type);

 private:
  const Json* stated(const std::string& name) const;
  Value* list(const Json& items, const c10::TypePtr& element, const char* tag);

  Graph& graph_;
  torch::jit::Function* forward_;
  c10::Device device_;
  Scope scope_;
};

}  // namespace torchstreamer::exported
