// Objects of Python that the values of a graph refer to.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "graph/plan/value.h"

namespace torchstreamer::graph {

using torch::jit::Node;

struct Object;
struct Memory;
using MemoryPtr = std::shared_ptr<Memory>;

/// The items of a list or tuple.
using Items = std::vector<Object>;
using ItemsPtr = std::shared_ptr<Items>;

/// The entries of a dictionary, in the order of insertion.
struct Entries;
using EntriesPtr = std::shared_ptr<Entries>;

/// A tensor, a list or tuple, or a dictionary, to which all copies of the Object refer, so that a
/// change of one changes all. Otherwise an immutable value: a number, a string or a module.
struct Object : std::variant<Value, MemoryPtr, ItemsPtr, EntriesPtr> {
  using variant::variant;

  const Value* value() const { return std::get_if<Value>(this); }
  const MemoryPtr* memory() const { return std::get_if<MemoryPtr>(this); }
  const ItemsPtr* items() const { return std::get_if<ItemsPtr>(this); }
  const EntriesPtr* entries() const { return std::get_if<EntriesPtr>(this); }

  /// Null unless it is an immutable constant.
  const IValue* constant() const { return value() ? value()->constant() : nullptr; }
  bool is_none() const { return constant() && constant()->isNone(); }
};

inline Object list_of(Items items) { return Object(std::make_shared<Items>(std::move(items))); }

/// A part of a tensor: output `index` of the operator `node`, whose argument 0 is the whole.
struct View {
  MemoryPtr whole;
  Node* node;
  std::vector<Value> args;  ///< argument 0 is replaced by the content of `whole`
  size_t index;
};

/// Memory of a tensor. All variables of the model for this tensor refer to it.
struct Memory {
  Value content;
  std::optional<View> view = std::nullopt;  ///< of a tensor that is a part of a different one
  int64_t writes = 0;                       ///< number of writes, if it is not a view
  int64_t seen_writes = 0;  ///< of a view: writes to the whole before `content` was computed
};

struct Entries {
  std::vector<std::pair<IValue, Object>> all;

  /// Null if there is no such key.
  Object* find(const IValue& key);
  void set(const IValue& key, Object item);
  /// Removes the entry and returns its item. There must be such a key.
  Object take(const IValue& key);
};

/// Returns the type of item `i` of a list, tuple or dictionary of this type.
c10::TypePtr item_type(const c10::TypePtr& type, size_t i);

/// Returns item `i` of a list or tuple; Poison if the list is Poison.
Value item_of(const Value& list, size_t i);

/// Returns a value as a new object. `type`: type of the graph's value. Lists whose number of items
/// is not known remain values.
Object object_of(const Value& value, const c10::TypePtr& type);

}  // namespace torchstreamer::graph
