// The abstract GObject under the elements: a GstBaseTransform that runs an Engine.
//
// Timeline, discontinuities, draining, latency, metas and statistics are the same for every engine
// and are handled here. An element adds its properties and caps, and makes engines as an
// EngineHost. With equal caps on both sides it may ask for passthrough as in any GstBaseTransform;
// then there is no engine, or one that analyzes the audio.
#pragma once

#include <gst/base/gstbasetransform.h>

#include "base/engine_host.h"
#include "base/signal_flow.h"

struct TsTransformPrivate;

struct TsTransform {
  GstBaseTransform parent;
  TsTransformPrivate* priv;
};

struct TsTransformClass {
  GstBaseTransformClass parent_class;
};

/// The abstract type, with the name that the first call gives. Every plugin file carries its own
/// copy of this base and registers it under its own name; the elements of a program that links the
/// base once share one type.
GType ts_transform_get_type(const char* name);

/// To be called when an instance is initialized. `host` must live until the instance is finalized.
void ts_transform_init(TsTransform* self, torchstreamer::EngineHost* host);

torchstreamer::SignalFlow& ts_transform_flow(TsTransform* self);
