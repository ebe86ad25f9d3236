// One property of tsmodel.
#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

#include "model/properties.h"

namespace torchstreamer {

/// When a property may be set.
constexpr auto kInReady = static_cast<GParamFlags>(GST_PARAM_MUTABLE_READY);
constexpr auto kInPlaying = static_cast<GParamFlags>(GST_PARAM_MUTABLE_PLAYING);

struct Property {
  GParamSpec* (*make_spec)(GParamFlags flags);
  void (*set)(TsModelSettings* settings, const GValue* value);
  void (*get)(const TsModelSettings& settings, GValue* value);  // null: write-only
  GParamFlags changes;
  bool selects_model;
};

using PropertyTable = std::vector<Property>;

/// The method of the model, its arguments and attributes, and its blocks.
const PropertyTable& call_properties();
/// The file of the model and its transfer.
const PropertyTable& file_properties();

/// The settings with their defaults.
const TsModelSettings& default_settings();

/// An empty text is null in a GValue.
std::string text_of(const GValue* value);
void set_text(GValue* value, const std::string& text);

}  // namespace torchstreamer
