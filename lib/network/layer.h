// A process of the network, in two halves: the layer (rule, weights, timing; immutable, shared by
// all streams) and its state (one a stream). Frames are time-major here: every tensor is
// `[frames, ...]`, with the channels last.
#pragma once

#include <memory>
#include <string>

#include "network/computation.h"
#include "support/tensor.h"
#include "torchstreamer/timing.h"

namespace torchstreamer {

/// A channel count that nobody knows before the first frames come.
constexpr int64_t kUnknownChannels = -1;

/// What the frames of an edge look like.
struct Format {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  std::vector<int64_t> frame;  ///< the shape of one frame, channels last: {C}, {B, C} or {}

  int64_t channels() const { return frame.empty() ? 1 : frame.back(); }
  /// How often the channels stand in one frame: the sizes of the other axes.
  int64_t batch() const;
  /// Samples of one frame.
  int64_t samples() const { return batch() * channels(); }
  /// The same frames with another number of channels.
  Format with_channels(int64_t channels) const;
};

bool operator==(const Format& a, const Format& b);

/// One push, as the timing of the network has it.
struct Step {
  bool final = false;
  int64_t first = 0;   ///< index of the first output frame of this push
  int64_t frames = 0;  ///< output frames that this push owes
  Count in;            ///< counts of the input, this push included
};

/// The running half. Not thread-safe. Must not outlive its layer.
class State {
 public:
  virtual ~State() = default;

  /// Takes the new frames of every input, `[frames, ...]` or undefined where there are none, and
  /// returns the `step.frames` output frames (undefined allowed for 0). Does not write to `in`.
  virtual Tensor push(const Tensors& in, const Step& step) = 0;
  /// The same for one input of float32 frames in main memory, `[frames, channels]`, and such an
  /// output, `step.frames` frames.
  virtual void push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                           float* out);
  /// The memory of the frames that it keeps for later.
  virtual int64_t held_bytes() const { return 0; }
  /// How often what it remembers was not finite any more and began anew.
  virtual int64_t recoveries() const { return 0; }
};

/// The immutable half. Thread-safe.
class Layer {
 public:
  explicit Layer(Timing timing) : timing_(std::move(timing)) {}
  virtual ~Layer() = default;

  const Timing& timing() const { return timing_; }

  /// What the inputs together have, as the timing counts it: what all of them have, if not said
  /// otherwise.
  virtual Count join(const std::vector<Count>& in) const;
  /// Whether join() is overridden: counting, which happens often, calls it only then.
  virtual bool has_own_join() const { return false; }

  /// The format of the output for inputs of these formats. Throws Error where they do not fit.
  virtual Format accept(const std::vector<Format>& in) const = 0;
  virtual std::unique_ptr<State> start() const = 0;
  /// One line for people: "Conv1d(1 -> 16, kernel 3)".
  virtual std::string describe() const = 0;
  /// What it computes, where that can be said.
  virtual Arithmetic arithmetic() const { return {}; }
  /// The memory of the weights that it holds besides the model's own: packed ones.
  virtual int64_t packed_bytes() const { return 0; }
  /// Whether the module gives an empty output, and no error, where there are no output frames.
  virtual bool may_be_empty() const { return false; }
  /// Multiply-adds (see multiply_adds.h) for one output frame, given these inputs; rounded up.
  virtual int64_t multiply_adds_per_frame(const std::vector<Format>& in) const { return 0; }

 private:
  Timing timing_;
};

using LayerPtr = std::shared_ptr<const Layer>;

/// Throws Error unless the frames have `channels` channels, `dtype` and `device`: those of the
/// weights that `describe` owns.
void require_format(const Format& in, int64_t channels, const Tensor& weight,
                    const std::string& describe);

}  // namespace torchstreamer
