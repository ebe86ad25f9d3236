// Values of a TorchScript graph that is evaluated without its signal.
#pragma once

#include <ATen/core/ivalue.h>

#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <variant>

#include "support/tensor.h"
#include "torchstreamer/error.h"
#include "torchstreamer/timing.h"

namespace torch::jit {
struct Node;
}

namespace torchstreamer::graph {

using c10::IValue;

struct Value;

/// The operator that computes a value, with its arguments.
struct Origin {
  torch::jit::Node* node = nullptr;
  std::vector<Value> args;
  size_t output = 0;  ///< index of the operator's output
};

/// A value that depends only on the length T of the whole signal: a size, or a value computed from
/// sizes. Not thread-safe.
class Symbol {
 public:
  explicit Symbol(std::function<IValue(int64_t source_frames)> rule,
                  std::shared_ptr<const Origin> origin = nullptr)
      : origin(std::move(origin)), rule_(std::move(rule)) {}

  IValue at(int64_t source_frames);

  const std::shared_ptr<const Origin> origin;  ///< null if no operator of the graph computes it
  /// True for a tensor that grows with the square of T, such as an attention mask, and for values
  /// computed from it. Such a value is never evaluated for a large T.
  bool is_heavy = false;
  /// For a number that arithmetic computes from lengths: from the sampled lengths on, it changes by
  /// a constant from n to n + period_frames. 0 if no such period is known.
  int64_t period_frames = 0;

 private:
  // Maximum numbers of values in the cache. Few tensors are kept, because they may grow with T;
  // masks are not kept, because they grow with the square of T.
  static constexpr size_t kKnownLimit = 2048, kKnownTensors = 4;

  std::function<IValue(int64_t)> rule_;
  std::unordered_map<int64_t, IValue> known_;
};
using SymbolPtr = std::shared_ptr<Symbol>;

/// A tensor with a time axis: the output of a process of the network.
struct Stream {
  int node = 0;                ///< index in the plan, or Network::kSource
  std::vector<int64_t> shape;  ///< with -1 at the time axis
  int axis = 0;                ///< the time axis
  at::ScalarType dtype = at::kFloat;
  /// With Padding::kValid, frame 0 of this stream equals frame `shift` of the same stream of the
  /// padded model.
  Rational shift = 0;
};

/// A mask or a bias of attention scores: a tensor over pairs of frames, `[.., T, T]`, or over one
/// frame of each pair.
struct PairTable {
  SymbolPtr symbol;
  bool over_queries = false, over_keys = false;  ///< axis -2, axis -1 is a time axis
};

/// Blocks of queries and of keys, in the layout of the model, with their positions in frames.
struct ScoreBlock {
  Tensor query, key;
  int64_t first_query = 0, queries = 0;
  int64_t first_key = 0, keys = 0;
  /// Tensors of the tables, with at least as many frames as the block needs.
  const std::map<const Symbol*, Tensor>& tables;
};

/// Attention scores, or values computed from them, such as weights: one value for each pair of a
/// query and a key. They are computed only in blocks.
struct Scores {
  Stream query, key;
  std::vector<int64_t> shape;  ///< with -1 at the axes of the queries and of the keys, the last two
  bool is_transposed = false;  ///< keys before queries
  at::ScalarType dtype = at::kFloat;
  std::vector<PairTable> tables;
  /// Maximum length of the signal: frames of the constant that a table is cut from; 0: unlimited.
  int64_t most_frames = 0;
  std::function<Tensor(const ScoreBlock&)> block;  ///< `[.., queries, keys]`
};
using ScoresPtr = std::shared_ptr<const Scores>;

/// A value that cannot be streamed, with the reason. The model is refused only if its output
/// depends on the value.
struct Poison {
  Refusal refusal;
};

/// A list or tuple of values of any kind; shared, because the model may append to a list.
using ListPtr = std::shared_ptr<std::vector<Value>>;

/// A dictionary in the order of insertion; shared like a list.
struct Dict;
using DictPtr = std::shared_ptr<Dict>;

struct Value : std::variant<IValue, SymbolPtr, Stream, ScoresPtr, ListPtr, DictPtr, Poison> {
  using variant::variant;

  bool is_constant() const { return std::holds_alternative<IValue>(*this); }
  const IValue* constant() const { return std::get_if<IValue>(this); }
  const SymbolPtr* symbol() const { return std::get_if<SymbolPtr>(this); }
  const Stream* stream() const { return std::get_if<Stream>(this); }
  const ScoresPtr* scores() const { return std::get_if<ScoresPtr>(this); }
  const ListPtr* list() const { return std::get_if<ListPtr>(this); }
  const DictPtr* dict() const { return std::get_if<DictPtr>(this); }
  const Poison* poison() const { return std::get_if<Poison>(this); }

  /// Returns the first T in this value or, for lists, in its items at any depth; null if there is
  /// none.
  template <class T>
  const T* find() const;
};

struct Dict {
  std::vector<std::pair<IValue, Value>> items;

  /// Returns null if there is no such key.
  Value* find(const IValue& key);
  void set(const IValue& key, Value value);
};

template <class T>
const T* Value::find() const {
  if (const T* own = std::get_if<T>(this)) return own;
  if (const ListPtr* items = list())
    for (const Value& item : **items)
      if (const T* found = item.find<T>()) return found;
  return nullptr;
}

/// Returns the value at one length of the signal, as `type`. Streams are replaced by `tensor_of`.
IValue value_at(const Value& value, const c10::TypePtr& type, int64_t source_frames,
                const std::function<Tensor(const Stream&)>& tensor_of);

}  // namespace torchstreamer::graph
