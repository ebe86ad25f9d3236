// The properties of tsmodel and the settings that they hold.
#pragma once

#include <gst/gst.h>

#include <memory>

#include "loader/settings.h"

namespace torchstreamer {

enum OutputMode { kAudio, kMessage };
enum SwapMode { kDrain, kCross };

/// Kind and time of the swap to the next model.
struct SwapSettings {
  SwapMode mode = kDrain;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;  // NONE: as soon as possible
};

using SharedStructure = std::shared_ptr<const GstStructure>;

struct TsModelSettings {
  ModelSettings model;  // without the following two
  SharedStructure inputs, attributes;
  SwapSettings swap;
  OutputMode output_mode = kAudio;
};

void install_model_properties(GObjectClass* klass);

/// Sets or gets property `id`. Returns false if no property has this id. May throw.
bool set_model_property(TsModelSettings* settings, guint id, const GValue* value);
bool get_model_property(const TsModelSettings& settings, guint id, GValue* value);

/// Returns the settings that select the model. Throws OptionError if a field of `inputs` or
/// `attributes` has a type that models do not take.
ModelSettings selected_model(const TsModelSettings& settings);

/// Returns true if property `id` selects the model or its file.
bool selects_model(guint id);

}  // namespace torchstreamer
