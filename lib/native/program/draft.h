// A step of a program that is not finished: what follows it may still become part of it.
#pragma once

#include <optional>
#include <vector>

#include "native/kernels/kernels.h"
#include "native/program/program.h"

namespace torchstreamer::native {

/// Kernels whose outputs are added up, and functions of samples over that sum and other inputs:
///
///     conv(x) ─┐
///              + ── prelu ── + residual ──> track
///     conv(z) ─┘
///
/// The compiler begins one for each process that needs a kernel. Where a process reads one that
/// nobody else reads, that draft is absorbed, and its own track stays empty: no view of that track
/// can have been taken, for views are readers, too.
struct Draft {
  // A kernel and what it reads. Those of convolutions are made at the end: what follows them may be
  // folded into their weights.
  struct Head {
    KernelPtr kernel;
    std::optional<Convolution1d> convolution;
    std::vector<View> in;
    std::vector<int> in_nodes;
  };
  std::vector<Head> heads;  ///< all but the first add to what it makes
  std::vector<Chain::Instruction> instructions;
  std::vector<AlignedFloats> constants;
  std::vector<View> in;  ///< of the instructions
  std::vector<int> in_nodes;
  int64_t samples = 0;  ///< of an output frame
  int track = -1;
  bool is_state = false;  ///< see Program::Step

  bool is_sum_of_convolutions() const;
  /// Whether its outputs may be asked for frame by frame.
  bool is_whole_frames() const;

  /// Operands of an instruction to be: the same frame at all times, the frames of a node, and what
  /// another draft makes, which becomes part of this one.
  Chain::Source constant(AlignedFloats frame);
  Chain::Source input(const View& view, int node);
  Chain::Source absorb(Draft before);
  /// What it makes so far.
  Chain::Source made() const;

  /// The step that makes the frames of `node`, given the plan of all tracks.
  Program::Step finished(int node, const std::vector<Program::Track>& tracks) &&;
};

/// Adds the items of `from`, which are not needed there any more.
template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// Floats from one frame of a view to the next.
inline int64_t pitch_of(const View& view, const std::vector<Program::Track>& tracks) {
  return view.step * tracks[view.track].pitch;
}

}  // namespace torchstreamer::native
