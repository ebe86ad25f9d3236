// The base of both elements: a GstBaseTransform that runs an Engine.
//
// It owns all that is GStreamer's about a stream and the same for every engine: the timeline,
// discontinuities, draining, latency, metas, statistics. A subclass adds its properties and caps
// and makes the engine. With equal caps on both sides, a subclass may ask for passthrough as in any
// GstBaseTransform; there is no engine then, or one that only listens.
#pragma once

#include <gst/audio/audio.h>
#include <gst/base/gstbasetransform.h>

#include <memory>

#include "torchstreamer/engine.h"

struct TsTransformPrivate;

struct TsTransform {
  GstBaseTransform parent;
  TsTransformPrivate* priv;
};

struct TsTransformClass {
  GstBaseTransformClass parent_class;

  /// A fresh engine for this audio, which comes from now on, under a guard: it may throw. Streaming
  /// thread.
  std::unique_ptr<torchstreamer::Engine> (*make_engine)(TsTransform* self, const GstAudioInfo* in,
                                                        const GstAudioInfo* out);
  /// In passthrough, where not null: an engine listens to the audio, which goes on as it is. What
  /// the engine makes comes here frame by frame, stamped. Streaming thread.
  void (*take_frame)(TsTransform* self, GstBuffer* frame);
  /// What the frames for take_frame are, under a guard: it may throw. Their rate does not count.
  GstAudioInfo (*frame_info)(TsTransform* self, const GstAudioInfo* in);
  /// Audio comes to the engine next: its first frame, after clipping, is at `pts` (NONE: nobody
  /// knows). May be null. Streaming thread.
  void (*before_audio)(TsTransform* self, GstClockTime pts);
  /// What ts_transform_cross_over() began is over: with the output frame at `pts`, or where that is
  /// NONE with the end of the signal, before it. May be null. Streaming thread.
  void (*end_crossover)(TsTransform* self, GstClockTime pts);
  /// Adds what a subclass has to tell to the statistics; may be null. Any thread.
  void (*add_stats)(TsTransform* self, GstStructure* stats);
};

GType ts_transform_get_type();

inline TsTransform* ts_transform_cast(gpointer object) {
  return G_TYPE_CHECK_INSTANCE_CAST(object, ts_transform_get_type(), TsTransform);
}

inline TsTransformClass* ts_transform_class_cast(gpointer klass) {
  return G_TYPE_CHECK_CLASS_CAST(klass, ts_transform_get_type(), TsTransformClass);
}

/// Gives `*buffer` the PTS that it lacks: it goes on where the one before ended. Streaming thread.
void ts_transform_fill_in_pts(TsTransform* self, GstBuffer** buffer);

/// Ends the signal before the next buffer and goes on with a new engine. Any thread.
void ts_transform_renew_engine(TsTransform* self);

/// Goes on with a new engine in the middle of the signal, without a seam, with the output frame
/// nearest to `pts`, or the first one that the new engine can make as if it had heard all of the
/// signal. Until then both engines run. The new one must make audio of the same format, as many
/// frames, of the same. False after a warning. Streaming thread.
bool ts_transform_cross_over(TsTransform* self, GstClockTime pts);
/// Whether it can: there is a signal, which knows its time, and `buffer` goes on with it. Streaming
/// thread.
bool ts_transform_can_cross_over(TsTransform* self, const GstBuffer* buffer);
/// Whether that is not over yet. Streaming thread.
bool ts_transform_is_crossing_over(const TsTransform* self);
