// The audio of a TsTransform on its way through the engine: the streaming thread's half of the
// element.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "base/block_adapter.h"
#include "base/output_queue.h"
#include "base/settings.h"
#include "base/stats.h"
#include "base/timeline.h"
#include "base/transform.h"
#include "engine/handover.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

/// What lives from one change of caps to the next.
struct Flow {
  GstAudioInfo in, out;
  Timeline timeline;
  std::unique_ptr<Engine> engine;
  BlockAdapter blocks;
  bool is_aside = false;      // the engine only listens: `out` is what it makes, not what goes on
  int64_t memory_frames = 0;  // silence after which nothing of a signal is left
  Departures departures = {};
  Handover* crossover = nullptr;                   // the engine, where it becomes another one
  GstClockTime arrived_pts = GST_CLOCK_TIME_NONE;  // of the buffer under way, before clipping
};

}  // namespace torchstreamer

struct TsTransformPrivate {
  torchstreamer::TransformSettings settings;  // under the object lock
  std::optional<torchstreamer::Flow> flow;    // streaming thread; none without engine
  std::atomic<bool> wants_new_engine = false;
  std::atomic<unsigned> flushes = 0;
  std::atomic<GstClockTime> position_ns = GST_CLOCK_TIME_NONE;  // where what left last ended
  torchstreamer::Stats stats;
};

namespace torchstreamer {

TransformSettings copy_settings(TsTransform* self);

/// Makes the engine for this audio, if it gets one. Posts an element error on failure.
bool open(TsTransform* self, const GstAudioInfo& in, const GstAudioInfo& out);

/// Ends the signal and goes on with a new engine. Where none can be made, posts a warning and the
/// old one and its signal go on.
GstFlowReturn renew(TsTransform* self);

/// ts_transform_cross_over().
bool cross_over(TsTransform* self, GstClockTime pts);

/// Runs the frames of `buffer` through the engine; what became certain departs.
GstFlowReturn process(TsTransform* self, GstBuffer* buffer);

/// The same for an engine that listens: what became certain is taken.
GstFlowReturn observe(TsTransform* self, GstBuffer* buffer);

/// Sends the events that are next to depart, up to a buffer, which the caller owns; null where
/// there is none. Of an engine that listens the frames are taken.
GstBuffer* next_buffer(TsTransform* self);

/// Takes `buffer`.
GstFlowReturn push_buffer(TsTransform* self, GstBuffer* buffer);

/// Pushes all that is to depart.
GstFlowReturn push_departures(TsTransform* self);

/// Ends the signal: what is owed goes downstream, the next frame starts a new signal.
GstFlowReturn drain(TsTransform* self);

/// The signal is given up, as after a flush: nothing is owed.
void forget(TsTransform* self);

}  // namespace torchstreamer
