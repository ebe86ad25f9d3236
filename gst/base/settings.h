// The properties of all elements.
#pragma once

#include <gst/gst.h>

#include "base/stats.h"

namespace torchstreamer {

/// Treatment of a new segment whose running time continues that of the last one.
enum class NewSegment { kDrain, kContinue };

struct TransformSettings {
  // The defaults of GStreamer's audio sinks.
  GstClockTime tolerance_ns = 40 * GST_MSECOND;
  GstClockTime discont_wait_ns = GST_SECOND;
  GstClockTime block_ns = 0;
  GstClockTime processing_latency_ns = 0;
  GstClockTime flush_timeout_ns = 0;
  NewSegment new_segment = NewSegment::kDrain;
};

/// Ids. The properties of an element itself have lower ones.
enum TransformProperty {
  PROP_TOLERANCE = 1000,
  PROP_DISCONT_WAIT,
  PROP_BLOCK_DURATION,
  PROP_PROCESSING_LATENCY,
  PROP_FLUSH_TIMEOUT,
  PROP_NEW_SEGMENT,
  PROP_LATENCY,  // read-only, like the following property
  PROP_STATS
};

/// Installs the properties for the class of an element, not for its base class: the documentation
/// of a plugin lists only properties that the class of an element owns. The element passes unknown
/// ids to its base class.
void install_transform_properties(GObjectClass* klass);

/// Sets or gets property `id`. Returns false if no property has this id.
bool set_transform_property(TransformSettings* settings, guint id, const GValue* value);
bool get_transform_property(const TransformSettings& settings, guint id, GValue* value);

}  // namespace torchstreamer
