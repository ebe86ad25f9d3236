#include "settings/parse.h"

#include <algorithm>
#include <climits>

#include "settings/json_values.h"
#include "settings/names.h"

namespace torchstreamer {
namespace {

using json::Field;

bool is_index(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string output(const Field& field) {
  if (field.value.is_string()) return json::text(field);
  if (!field.value.is_number()) json::fail(field, "the index or the name of an output");
  return std::to_string(json::integer(field, 0, INT_MAX));
}

std::vector<std::string> output_names(const Field& field) {
  const std::vector<std::string> names = json::texts(field);
  if (std::any_of(names.begin(), names.end(), is_index))
    json::fail(field, "names that are not numbers");
  return names;
}

constexpr size_t kMostWarnings = 16;

void warn_of_unknown(const Field& field, Settings& settings) {
  if (settings.warnings.size() == kMostWarnings) return;
  settings.warnings.push_back("the settings of the file have an unknown key " +
                              json::shown(field.path) + ", which has no effect");
}

struct ValueKey {
  const char* name;
  void (*read)(const Field&, ValueSettings&);
};

const ValueKey kValueKeys[] = {
    {"default", [](const Field& f, ValueSettings& v) { v.initial = json::named_value(f); }},
    {"min", [](const Field& f, ValueSettings& v) { v.min = json::number(f); }},
    {"max", [](const Field& f, ValueSettings& v) { v.max = json::number(f); }},
    {"description", [](const Field& f, ValueSettings& v) { v.description = json::text(f); }},
};

template <class Key, size_t kCount>
const Key* find(const Key (&keys)[kCount], const std::string& name) {
  const auto found = std::find_if(std::begin(keys), std::end(keys),
                                  [&](const Key& key) { return name == key.name; });
  return found == std::end(keys) ? nullptr : found;
}

// Reads a value, or an object that describes it.
ValueSettings value_settings(const Field& field, Settings& settings) {
  ValueSettings value;
  if (!field.value.is_object()) {
    value.initial = json::named_value(field);
    return value;
  }
  for (const auto& [name, inner] : field.value.items()) {
    const Field inner_field = field.at(name, inner);
    const ValueKey* key = find(kValueKeys, name);
    key ? key->read(inner_field, value) : warn_of_unknown(inner_field, settings);
  }
  if (value.min > value.max) json::fail(field, "a min that is at most the max");
  if (value.initial && !value.accepts(*value.initial))
    json::fail(field, "a number as the default, from min to max");
  return value;
}

NamedSettings named_settings(const Field& field, Settings& settings) {
  NamedSettings values;
  for (const auto& [name, inner] : json::object(field).items())
    values[name] = value_settings(field.at(name, inner), settings);
  return values;
}

struct Key {
  const char* name;
  void (*read)(const Field&, Settings&);
};

const Key kKeys[] = {
    {"sample_rate",
     [](const Field& f, Settings& s) { s.sample_rate_hz = json::integer(f, 1, INT_MAX); }},
    {"layout", [](const Field& f, Settings& s) { s.layout = json::choice(f, layout_names()); }},
    {"window",
     [](const Field& f, Settings& s) { s.window_frames = json::integer(f, 1, kMostWindowFrames); }},
    {"hop",
     [](const Field& f, Settings& s) { s.hop_frames = json::integer(f, 1, kMostWindowFrames); }},
    {"tail", [](const Field& f, Settings& s) { s.tail = json::choice(f, tail_names()); }},
    {"method", [](const Field& f, Settings& s) { s.method = json::text(f); }},
    {"inputs", [](const Field& f, Settings& s) { s.inputs = named_settings(f, s); }},
    {"attributes", [](const Field& f, Settings& s) { s.attributes = named_settings(f, s); }},
    {"output", [](const Field& f, Settings& s) { s.output = output(f); }},
    {"output_names", [](const Field& f, Settings& s) { s.output_names = output_names(f); }},
    {"channel_mask",
     [](const Field& f, Settings& s) { s.channel_mask = json::integer(f, 1, INT64_MAX); }},
    {"name", [](const Field& f, Settings& s) { s.name = json::text(f); }},
    {"license", [](const Field& f, Settings& s) { s.license = json::text(f); }},
    {"licence", [](const Field& f, Settings& s) { s.license = json::text(f); }},
    {"description", [](const Field& f, Settings& s) { s.description = json::text(f); }},
};

void read_keys(const json::Json& values, Settings& settings) {
  if (!values.is_object())
    throw Error("it is " + json::shown(values) + "; accepted: an object of keys and values");
  for (const auto& [name, value] : values.items()) {
    const Key* key = find(kKeys, name);
    key ? key->read({name, value}, settings) : warn_of_unknown({name, value}, settings);
  }
  if (settings.hop_frames > settings.window_frames)
    json::fail({"hop", values.at("hop")}, "an integer from 1 to the value of the key \"window\"");
}

}  // namespace

Settings parse_settings(const std::string& text, const std::string& file) {
  try {
    Settings settings;
    settings.json = text;
    read_keys(json::parsed(text), settings);
    return settings;
  } catch (const Error& error) {
    throw Error(file + ": " + error.what());
  }
}

std::vector<std::string> settings_keys() {
  std::vector<std::string> names;
  for (const Key& key : kKeys) names.emplace_back(key.name);
  return names;
}

std::vector<std::string> value_settings_keys() {
  std::vector<std::string> names;
  for (const ValueKey& key : kValueKeys) names.emplace_back(key.name);
  return names;
}

}  // namespace torchstreamer
