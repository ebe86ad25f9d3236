// The interface of kernels: the native execution of one process, or of several fused ones.
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "native/kernels/buffer_view.h"
#include "network/layer.h"

namespace torchstreamer::native {

/// State of a kernel that is kept between pushes, and its work memory.
class KernelState {
 public:
  virtual ~KernelState() = default;
  virtual int64_t bytes() const { return 0; }
  /// See State::recoveries.
  virtual int64_t recoveries() const { return 0; }
};

/// Arguments of Kernel::run() for one of several streams. Without initial values, because runs are
/// often in arrays of which few are used.
struct KernelRun {
  const FrameReader* in;
  int64_t first, frames;
  float* y;
  KernelState* state;
};

/// Maximum number of streams of Kernel::run_together().
constexpr int kMostTogether = 32;

/// Result of Kernel::needs_from() for kernels that consume every input frame when it arrives.
constexpr int64_t kConsumed = std::numeric_limits<int64_t>::max();

/// A kernel. Immutable and thread-safe. The frames are float32 values; a complex number is two
/// values.
class Kernel {
 public:
  virtual ~Kernel() = default;

  /// Returns the first frame of input `i` that output frame `first` and later ones depend on, or
  /// kConsumed.
  virtual int64_t needs_from(int i, int64_t first) const { return first; }
  /// Writes the output frames [step.first, step.first + step.frames) to `y`, contiguously. May
  /// write more, up to a multiple of granularity_frames(). `state`: created by start().
  virtual void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const = 0;
  virtual int64_t granularity_frames() const { return 1; }
  /// Number of output frames of a run from which on more frames gain nothing: reading the weights
  /// takes a small part of the time.
  virtual int64_t frames_at_once() const { return 1; }
  /// Bytes of weights that run_together() reads once for all streams; 0 if there is no such
  /// function.
  virtual int64_t shared_bytes() const { return 0; }
  /// Runs the kernel for at most kMostTogether streams, each with at least one output frame. Does
  /// not throw. The bits of each output are those of run().
  virtual void run_together(const KernelRun* runs, int count) const {}
  /// Returns a new state; null for kernels without state.
  virtual std::unique_ptr<KernelState> start() const { return nullptr; }
  /// Memory of packed weights in bytes.
  virtual int64_t weights_bytes() const { return 0; }
};

using KernelPtr = std::unique_ptr<const Kernel>;

}  // namespace torchstreamer::native
