// The abstract GObject class of the elements: a GstBaseTransform that runs an Engine.
//
// Handles timestamps, discontinuities, draining, latency, metas and statistics, which are the same
// for every engine. An element installs the properties, adds its own and its caps, and creates
// engines as an EngineHost. With equal caps on both sides it may select passthrough as in any
// GstBaseTransform. In passthrough there is no engine, or one that analyzes the audio.
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

/// Returns the abstract type. The first call registers it with `name`. Every plugin contains its
/// own copy of this base and registers it under its own name. In a program that links the base
/// once, all elements share one type.
GType ts_transform_get_type(const char* name);

/// Must be called when an instance is initialized. `host` must live until the instance is
/// finalized.
void ts_transform_init(TsTransform* self, torchstreamer::EngineHost* host);

torchstreamer::SignalFlow& ts_transform_flow(TsTransform* self);
