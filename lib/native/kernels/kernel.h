// What a step of a program does. Immutable and thread-safe; what it remembers lies elsewhere.
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "native/kernels/edge_buffer.h"
#include "network/layer.h"

namespace torchstreamer::native {

/// How the frames of a node lie in a track: frame i of the node is `samples` samples of frame `i *
/// step + offset` of the track, from `sample` on. Slices, strides, crops and zero padding are views
/// of what they are made of.
struct View {
  int track = -1;
  int64_t offset = 0, step = 1;
  int64_t sample = 0, samples = 0;
  /// Whether what lies before frame 0, and behind the last frame, are the zeros of the track.
  bool begins_with_track = true, ends_with_track = true;
  /// How many of those behind the track are frames of the node, at most.
  int64_t trail = 0;
};

/// A view as a kernel reads it while a stream runs.
class Frames {
 public:
  Frames(const Track& track, const View& view, int64_t count)
      : track_(&track), view_(&view), count_(count) {}
  const float* at(int64_t index) const {
    return track_->at(index * view_->step + view_->offset) + view_->sample;
  }
  int64_t pitch() const { return view_->step * track_->pitch(); }
  /// How many frames there are so far.
  int64_t count() const { return count_; }

 private:
  const Track* track_;
  const View* view_;
  int64_t count_;
};

/// What a kernel remembers from push to push.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual int64_t bytes() const { return 0; }
  /// See State::recoveries.
  virtual int64_t recoveries() const { return 0; }
};

/// The first frame that is needed of an input whose frames are all taken as they come.
constexpr int64_t kTaken = std::numeric_limits<int64_t>::max();

class Kernel {
 public:
  virtual ~Kernel() = default;

  /// The first frame of input `i` that the outputs from `first` on are computed from.
  virtual int64_t needs_from(int i, int64_t first) const { return first; }
  /// Writes the outputs [step.first, step.first + step.frames) to `y`, one after the other; it may
  /// write on up to a multiple of granularity_frames(). `memory`: what start() made.
  virtual void run(const Frames* in, const Step& step, float* y, Memory* memory) const = 0;
  virtual int64_t granularity_frames() const { return 1; }
  virtual std::unique_ptr<Memory> start() const { return nullptr; }
  /// Packed weights.
  virtual int64_t weights_bytes() const { return 0; }
};

using KernelPtr = std::unique_ptr<const Kernel>;

}  // namespace torchstreamer::native
