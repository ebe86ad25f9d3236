// Tensors that depend only on the length of the signal and grow with it, as streams.
#pragma once

#include <optional>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

class Operators;

/// Converts positions, and tensors computed from them, to streams. See AsStream.
class Positional {
 public:
  Positional(Plan& plan, Lengths& lengths, const Operators& operators)
      : plan_(plan), lengths_(lengths), operators_(operators) {}

  /// `node`: the operator that takes the stream.
  Value as_stream(const SymbolPtr& symbol, const Stream& like, const Node* node) const;

 private:
  /// `may_be_float`: integers may become the type of `like`.
  Value stream_of(const SymbolPtr& symbol, const Stream& like, const Node* node,
                  bool may_be_float) const;
  /// Returns false if the stream has only a few frames, however long the signal is.
  bool grows(const Stream& stream) const {
    return plan_.frames(stream, /*source_frames=*/int64_t{1} << 40) > 1000;
  }
  Stream as_long_as(const SymbolPtr& symbol, const Stream& like) const;
  Stream with_own_end(const SymbolPtr& symbol, at::ScalarType dtype, const Stream& like,
                      const Node* node, bool may_be_float) const;
  Value items_as_streams(const std::vector<Value>& items, const Stream& like,
                         const Node* node) const;
  Value as_constant(const SymbolPtr& symbol, const Tensor& value, const Node* node) const;
  void require_frames(const SymbolPtr& symbol, int axis, const Stream& like,
                      const Node* node) const;
  Stream from_table(const Tensor& table, const SymbolPtr& symbol, const Tensor& values, int axis,
                    const Stream& like, const Node* node) const;
  std::optional<Stream> from_line(const Tensor& values, int axis, const Stream& like,
                                  bool may_be_float) const;
  std::optional<Stream> from_origin(const Origin& origin, at::ScalarType dtype, const Stream& like,
                                    bool may_be_float) const;

  Plan& plan_;
  Lengths& lengths_;
  const Operators& operators_;
};

}  // namespace torchstreamer::graph
