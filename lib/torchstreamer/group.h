/// @file
/// Groups: engines of one model whose pushes run together.
///
/// A push reads all weights of the model. If the model is larger than the caches of the processor,
/// most of the time of a short push is spent on reading. The engines of a group read the weights
/// once for all pushes that wait at the same time:
///
///     const auto model = load_model("model.pt");
///     const auto group = model->make_group({/*wait_ns=*/2'000'000});
///     // In the thread of each stream:
///     const auto engine = model->start(channels_in, rate_hz, group);
///     engine->push(in, frames, false, out);
#pragma once

#include <cstdint>

#include "torchstreamer/export.h"

namespace torchstreamer {

/// Options of a group.
struct GroupOptions {
  /// Maximum time in nanoseconds that a push waits for others; it is added to the latency. The wait
  /// ends early when the share of one run is waiting: the engines, of all channels and rates,
  /// divided by `runs`. 0: only pushes that wait because all runs are busy run together.
  int64_t wait_ns = 0;
  /// Maximum number of runs at a time; 0: the number of processors. If all are busy, pushes wait
  /// for one and run together. With no more engines than runs, every push runs alone.
  int runs = 0;
};

/// Engines of one model whose pushes run together. The output of each engine is the same, bit for
/// bit, as without a group. Created by Model::make_group(). Thread-safe.
///
/// The first push that finds a free run waits for others, processes all of them in its thread and
/// with its priority, and wakes their threads. An engine in the middle of a signal that does not
/// push delays the others by up to GroupOptions::wait_ns. Engines may end at any time. Long pushes
/// and the last one of a signal run alone. An exception is thrown only by the push that caused it.
///
/// After the first pushes, a push allocates no memory. A lock protects the list of waiting pushes;
/// no push waits or computes while it holds the lock.
class TORCHSTREAMER_API Group {
 public:
  virtual ~Group() = default;

  /// Numbers of pushes and runs.
  struct Counts {
    int64_t pushes = 0;  ///< number of pushes that ran in the group, together or not
    int64_t runs = 0;    ///< number of runs that processed them
  };
  /// Counts since the group was created.
  virtual Counts counts() const = 0;
};

}  // namespace torchstreamer
