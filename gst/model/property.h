// One property of tsmodel.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "model/enumerations.h"
#include "model/properties.h"

namespace torchstreamer {

/// When a property may be set.
constexpr auto kInReady = static_cast<GParamFlags>(GST_PARAM_MUTABLE_READY);
constexpr auto kInPlaying = static_cast<GParamFlags>(GST_PARAM_MUTABLE_PLAYING);

struct Property {
  std::function<GParamSpec*(GParamFlags flags)> make_spec;
  std::function<void(TsModelSettings* settings, const GValue* value)> set;
  std::function<void(const TsModelSettings& settings, GValue* value)> get;  // null: write-only
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

struct PropertyName {
  const char *name, *nick, *blurb;
};

/// A property whose value is one of an enumeration. `field` returns the field of the settings,
/// whose default is that of the property.
template <class Field>
Property enum_property(const PropertyName& text, EnumerationId id, Field field, GParamFlags changes,
                       bool selects_model) {
  using Value = std::decay_t<decltype(field(default_settings()))>;
  const auto number = [field](const TsModelSettings& settings) {
    return static_cast<int>(field(settings));
  };
  return {[=](GParamFlags flags) {
            return g_param_spec_enum(text.name, text.nick, text.blurb, enumeration_type(id),
                                     number(default_settings()), flags);
          },
          [=](TsModelSettings* settings, const GValue* value) {
            field(*settings) = static_cast<Value>(g_value_get_enum(value));
          },
          [=](const TsModelSettings& settings, GValue* value) {
            g_value_set_enum(value, number(settings));
          },
          changes, selects_model};
}

/// A property whose value is a text that is empty by default.
template <class Field>
Property text_property(const PropertyName& text, Field field) {
  return {
      [=](GParamFlags flags) {
        return g_param_spec_string(text.name, text.nick, text.blurb, nullptr, flags);
      },
      [=](TsModelSettings* settings, const GValue* value) { field(*settings) = text_of(value); },
      [=](const TsModelSettings& settings, GValue* value) { set_text(value, field(settings)); },
      kInPlaying, true};
}

}  // namespace torchstreamer
