// A process of a network has two parts: the layer (rule, weights, timing; immutable, shared by all
// streams) and its state (one for each stream). Frames are time-major: every tensor is
// `[frames, ...]`, with the channels last.
#pragma once

#include <exception>
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
  Count in;            ///< counts of the input, including this push
};

/// The state of a process in one stream. Not thread-safe. Must not outlive its layer.
class State {
 public:
  virtual ~State() = default;

  /// Processes the new frames of every input, `[frames, ...]`, or undefined if there are none.
  /// Returns `step.frames` output frames, which may be undefined for 0. Does not write to `in`.
  virtual Tensor push(const Tensors& in, const Step& step) = 0;
  /// The same for one input of float32 frames in main memory, `[frames, channels]`. Writes
  /// `step.frames` frames to `out`.
  virtual void push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                           float* out);
  /// Memory in bytes of the frames that are kept for later pushes.
  virtual int64_t held_bytes() const { return 0; }
  /// Number of times that the state was reset because it was no longer finite.
  virtual int64_t recoveries() const { return 0; }
};

/// Arguments of State::push_frames() for one of several streams of a layer.
struct Push {
  State* state = nullptr;
  const float* in = nullptr;
  int64_t frames = 0, channels = 0;
  Step step;
  float* out = nullptr;
  std::exception_ptr error;  ///< the exception of the push; null if it succeeded
};

/// Combines the counts of a layer's inputs into one count for its timing.
using JoinRule = std::function<Count(const std::vector<Count>& in)>;

/// The immutable part of a process. Thread-safe.
class Layer {
 public:
  /// `join`: empty for layers that use only the frames that all inputs have.
  explicit Layer(Timing timing, JoinRule join = nullptr)
      : timing_(std::move(timing)), join_(std::move(join)) {}
  virtual ~Layer() = default;

  const Timing& timing() const { return timing_; }
  const JoinRule& join_rule() const { return join_; }
  /// Returns the count for the timing, given the counts of all inputs.
  Count join(const std::vector<Count>& in) const;

  /// Returns the format of the output for inputs of these formats. Throws Error if they do not fit.
  virtual Format accept(const std::vector<Format>& in) const = 0;
  virtual std::unique_ptr<State> start() const = 0;
  /// Returns true if push_together() takes less time than the pushes alone.
  virtual bool gains_together() const { return false; }
  /// Pushes frames of different streams of this layer. Each stream and its output are as after
  /// State::push_frames(), and exceptions are recorded in Push::error. Does not throw.
  virtual void push_together(Push* const* pushes, int count) const;
  /// Returns a description in one line: "Conv1d(1 -> 16, kernel 3)".
  virtual std::string describe() const = 0;
  /// The computation of the layer as data, if it can be expressed.
  virtual Computation computation() const { return {}; }
  /// Memory in bytes of packed weights, which the layer holds in addition to the weights of the
  /// model.
  virtual int64_t packed_bytes() const { return 0; }
  /// Returns true if an output frame depends on more than one frame of the input.
  virtual bool is_over_time() const { return timing_.receptive_field_frames() > 1; }
  /// Returns true if the module returns an empty output if there are no output frames, and false if
  /// it fails.
  virtual bool may_be_empty() const { return false; }
  /// Number of multiply-adds (see multiply_adds.h) per output frame for inputs of these formats,
  /// rounded up.
  virtual int64_t multiply_adds_per_frame(const std::vector<Format>& in) const { return 0; }
  /// Elements that the operators of the model compute for each pair of frames of the signal.
  virtual int64_t elements_per_pair(const std::vector<Format>& in) const { return 0; }
  /// Number of input samples that windowed rules and pools compute an output frame from: they may
  /// read more samples than they multiply. 0 for layers without such a rule.
  virtual int64_t window_samples(const std::vector<Format>& in) const { return 0; }

 private:
  Timing timing_;
  JoinRule join_;
};

using LayerPtr = std::shared_ptr<const Layer>;

}  // namespace torchstreamer
