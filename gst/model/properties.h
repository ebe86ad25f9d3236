// The properties of tsmodel and the settings that they hold.
#pragma once

#include <gst/gst.h>

#include "loader/settings.h"

namespace torchstreamer {

enum OutputMode { kAudio, kMessage };
enum SwapMode { kDrain, kCross };

/// How and when the next model takes over.
struct SwapSettings {
  SwapMode mode = kDrain;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;  // NONE: as soon as possible
};

struct TsModelSettings {
  ModelSettings model;
  SwapSettings swap;
  OutputMode output_mode = kAudio;
};

void install_model_properties(GObjectClass* klass);

/// Sets or gets property `id`. Returns false if no property has this id. May throw.
bool set_model_property(TsModelSettings* settings, guint id, const GValue* value);
bool get_model_property(const TsModelSettings& settings, guint id, GValue* value);

/// Returns true if property `id` selects the model or its file.
bool selects_model(guint id);

}  // namespace torchstreamer
