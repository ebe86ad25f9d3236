// A process of a network in two halves: the layer (rule, weights, timing; immutable, shared by all
// streams) and its state (one for each stream). Frames are time-major: every tensor is
// `[frames, ...]`, with the channels last.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "network/computation.h"
#include "network/format.h"
#include "torchstreamer/timing.h"

namespace torchstreamer {

/// The timing of one push, computed by the network from the counts of its input.
struct Step {
  bool final = false;
  int64_t first = 0;   ///< index of the first output frame of this push
  int64_t frames = 0;  ///< number of output frames of this push
  Count in;            ///< counts of the input, this push included
};

/// The running half. Not thread-safe. Must not outlive its layer.
class State {
 public:
  virtual ~State() = default;

  /// Takes the new frames of every input, `[frames, ...]` or undefined if there are none, and
  /// returns the `step.frames` output frames (may be undefined for 0). Does not write to `in`.
  virtual Tensor push(const Tensors& in, const Step& step) = 0;
  /// The same for one input of float32 frames in main memory, `[frames, channels]`. Writes
  /// `step.frames` frames to `out`.
  virtual void push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                           float* out);
  /// Memory of the frames that are kept for later pushes.
  virtual int64_t held_bytes() const { return 0; }
  /// How often the state was reset because it was not finite any more.
  virtual int64_t recoveries() const { return 0; }
};

/// Combines the counts of a layer's inputs into the one that its timing takes.
using JoinRule = std::function<Count(const std::vector<Count>& in)>;

/// The immutable half. Thread-safe.
class Layer {
 public:
  /// `join`: empty for layers that use the frames which all inputs have.
  explicit Layer(Timing timing, JoinRule join = nullptr)
      : timing_(std::move(timing)), join_(std::move(join)) {}
  virtual ~Layer() = default;

  const Timing& timing() const { return timing_; }
  const JoinRule& join_rule() const { return join_; }
  /// The count that the timing takes, given those of all inputs.
  Count join(const std::vector<Count>& in) const;

  /// The format of the output for inputs of these formats. Throws Error if they do not fit.
  virtual Format accept(const std::vector<Format>& in) const = 0;
  virtual std::unique_ptr<State> start() const = 0;
  /// One line for people: "Conv1d(1 -> 16, kernel 3)".
  virtual std::string describe() const = 0;
  /// The computation of the layer as data, if it can be expressed.
  virtual Computation computation() const { return {}; }
  /// Memory of weights that the layer holds in addition to the model's own: packed ones.
  virtual int64_t packed_bytes() const { return 0; }
  /// Whether the module returns an empty output, instead of failing, if there are no output frames.
  virtual bool may_be_empty() const { return false; }
  /// Multiply-adds (see multiply_adds.h) for one output frame, given these inputs; rounded up.
  virtual int64_t multiply_adds_per_frame(const std::vector<Format>& in) const { return 0; }

 private:
  Timing timing_;
  JoinRule join_;
};

using LayerPtr = std::shared_ptr<const Layer>;

}  // namespace torchstreamer
