// The network during compilation: the positions of the frames of each node, and their computation.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "native/program/draft.h"
#include "network/network.h"

namespace torchstreamer::native {

/// The view of each compiled node, and the draft that fills its buffer. There is no draft if the
/// view is in the buffer of a different node or if the draft was absorbed.
class Drafts {
 public:
  /// `nodes` must not move while this exists.
  Drafts(const std::vector<Network::Node>& nodes, const Format& in);

  const Network::Node& node(int n) const { return nodes_[n]; }
  const std::vector<int>& inputs(int n) const { return nodes_[n].inputs; }
  const Format& format_in(int n, size_t input) const { return visits_[n].in[input]; }
  const std::vector<Format>& formats_in(int n) const { return visits_[n].in; }
  const Format& format_out(int n) const { return visits_[n].out; }
  /// Number of floats of an output frame of node n.
  int64_t samples_out(int n) const;

  /// Returns the view of a compiled node, or of Network::kSource.
  const BufferView& view(int node) const;
  /// Floats from one frame of a view to the next.
  int64_t pitch(const BufferView& view) const { return pitch_of(view, result_.buffers); }
  /// Sets the view of node n, which needs no kernel.
  void set_view(int n, const BufferView& view) { views_[n] = view; }
  /// Reserves zeros around the frames of a view in its buffer. Returns false if that is impossible,
  /// because the view does not extend to the edge of the buffer.
  bool reserve_zeros(const BufferView& view, int64_t lead, int64_t trail);

  /// Returns the value of all samples of `node` if it is a constant (Function::kFill).
  std::optional<float> fill(int node) const {
    return node == Network::kSource ? std::nullopt : fills_[node];
  }
  void set_fill(int n, float value) { fills_[n] = value; }

  /// Compiles node n to a draft with its own buffer.
  void add(int n, Draft draft);
  /// Compiles node n to a draft with a single head over all inputs.
  void add_head(int n, Draft::Head head, int64_t samples);
  void add_kernel(int n, KernelPtr kernel, int64_t samples);
  /// Marks node n, which has a draft, as executed by the layer's own State.
  void set_fallback(int n);
  /// Adds a kernel over the frames of `node`, whose output only node n reads. Returns its view.
  BufferView add_copy(int n, int node, KernelPtr kernel, int64_t samples);

  /// Returns the draft of node n.
  Draft& draft(int n) { return *drafts_[n]; }
  /// Returns the draft of `node` if its single reader may absorb it, otherwise null.
  const Draft* absorbable(int node) const;
  /// Removes and returns the draft of `node`.
  Draft take(int node) { return std::move(*std::exchange(drafts_[node], nullptr)); }
  /// Makes node n the owner of the draft and the view of `node`.
  void move_draft(int node, int n);

  CompiledNetwork finish() &&;

 private:
  BufferView new_buffer(int64_t pitch);
  void finish_draft(Draft draft, int node);
  // Drops the calls of constants if all readers have folded them.
  void drop_unread_constants();

  const std::vector<Network::Node>& nodes_;
  std::vector<Network::Visit> visits_;
  BufferView source_;
  std::vector<BufferView> views_;
  std::vector<std::unique_ptr<Draft>> drafts_;
  // For each node: the copied nodes and the drafts of their copies.
  std::vector<std::vector<std::pair<int, Draft>>> copies_;
  std::vector<std::optional<float>> fills_;
  std::vector<int> readers_;  // number of readers of each node
  CompiledNetwork result_;
};

}  // namespace torchstreamer::native
