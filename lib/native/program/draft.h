// A kernel call under construction, with which following nodes may be fused.
#pragma once

#include <iterator>
#include <optional>
#include <vector>

#include "native/kernels/chain.h"
#include "native/program/kernel_call.h"

namespace torchstreamer::native {

/// Kernels whose outputs are added, and functions of samples of this sum and of other inputs:
///
///     conv(x) ─┐
///              + ── prelu ── + residual ──> buffer
///     conv(z) ─┘
///
/// The compiler starts a draft for each node that needs a kernel. If a draft has a single reader,
/// the reader may absorb it. The buffer of the absorbed draft stays empty. There is no view of it,
/// because a view would be a second reader.
struct Draft {
  /// A kernel and its inputs. The kernels of convolutions are created at the end, because following
  /// nodes may be folded into their weights.
  struct Head {
    KernelPtr kernel;
    std::optional<Convolution1d> convolution;
    std::vector<BufferView> in;
    std::vector<int> in_nodes;
  };
  std::vector<Head> heads;  ///< each but the first adds to the output of the first
  std::vector<Chain::Instruction> instructions;
  std::vector<AlignedFloats> constants;
  std::vector<BufferView> in;  ///< inputs of the instructions
  std::vector<int> in_nodes;
  int64_t samples = 0;  ///< number of samples of an output frame
  int buffer = -1;
  bool is_fallback = false;  ///< see KernelCall

  bool is_sum_of_convolutions() const;
  /// Returns true if any number of output frames can be computed at a time, see
  /// Kernel::granularity_frames().
  bool has_single_frames() const;

  /// Each of these adds an operand for the next instruction: a constant frame, the frames of a
  /// node, or the result of a draft that this one absorbs.
  Chain::Source add_constant(AlignedFloats frame);
  Chain::Source add_input(const BufferView& view, int node);
  Chain::Source absorb(Draft draft);
  /// Returns the result of all heads and instructions so far.
  Chain::Source result() const;

  /// Returns the finished call, which computes the frames of `node`.
  KernelCall finished(int node, const std::vector<BufferPlan>& buffers) &&;
};

/// Moves the items of `from` to the end of `to`.
template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// Floats from one frame of a view to the next.
inline int64_t pitch_of(const BufferView& view, const std::vector<BufferPlan>& buffers) {
  return view.step * buffers[view.buffer].pitch;
}

}  // namespace torchstreamer::native
