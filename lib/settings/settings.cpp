#include "settings/settings.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "files/binary_file.h"
#include "files/extra_file.h"
#include "files/file_kind.h"
#include "settings/parse.h"
#include "support/value_text.h"
#include "support/wrong_option.h"

namespace torchstreamer {
namespace {

// Adds the values of the file that `values` lack.
void add_values(const NamedSettings& settings, NamedValues& values) {
  for (const auto& [name, value] : settings)
    if (value.initial) values.emplace(name, *value.initial);
}

template <class T>
void set_if_default(T& option, const T& setting) {
  if (option == T()) option = setting;
}

// Applies the settings of the file's method.
void add_call(const Settings& settings, LoadOptions& options) {
  CallOptions& call = options.call;
  set_if_default(options.layout, settings.layout);
  set_if_default(options.output, settings.output);
  set_if_default(options.output_names, settings.output_names);
  if (call.window_frames == 0) {
    call.window_frames = settings.window_frames;
    set_if_default(call.hop_frames, settings.hop_frames);
  }
  set_if_default(call.tail, settings.tail);
  require_in_range("input", call.inputs, settings.inputs);
  add_values(settings.inputs, call.inputs);
}

// Returns true if `path` is that of a value, such as "inputs.gain", that the user has not given.
bool is_added(const std::string& path, const std::string& key, const NamedValues& all,
              const NamedValues& given) {
  return std::any_of(all.begin(), all.end(), [&](const auto& value) {
    return path == key + "." + value.first && given.count(value.first) == 0;
  });
}

// Returns true if with_settings() adds the option of this path to those of the user.
bool is_added(const std::string& path, const LoadOptions& given, const Settings& settings) {
  const LoadOptions all = with_settings(given, settings);
  const std::pair<const char*, bool> keys[] = {
      {"method", all.call.method != given.call.method},
      {"layout", all.layout != given.layout},
      {"window", all.call.window_frames != given.call.window_frames},
      {"hop", all.call.hop_frames != given.call.hop_frames},
      {"output", all.output != given.output},
  };
  return is_added(path, "inputs", all.call.inputs, given.call.inputs) ||
         is_added(path, "attributes", all.call.attributes, given.call.attributes) ||
         std::any_of(std::begin(keys), std::end(keys),
                     [&](const auto& key) { return path == key.first && key.second; });
}

std::string range_of(const ValueSettings& value) {
  if (std::isinf(value.max)) return shown(value.min) + " or more";
  return (std::isinf(value.min) ? "at most " : shown(value.min) + " to ") + shown(value.max);
}

}  // namespace

Settings read_settings(const std::string& path) {
  if (file_kind(path).program == ProgramFormat::kNone) return {};
  const std::string file = "'" + path + "': its " + kSettingsName;
  try {
    const auto text = read_extra_file(path, kSettingsName, kMostSettingsBytes);
    return text ? parse_settings(*text, file) : Settings();
  } catch (const FileFault& fault) {
    throw Error(file + " " + fault.what());
  }
}

bool describes_method(const Settings& settings, const std::string& method) {
  CallOptions own;
  own.method = settings.method;
  return own.method_name() == method;
}

LoadOptions with_settings(LoadOptions options, const Settings& settings) {
  CallOptions& call = options.call;
  set_if_default(call.method, settings.method);
  if (describes_method(settings, call.method_name())) add_call(settings, options);
  require_in_range("attribute", call.attributes, settings.attributes);
  add_values(settings.attributes, call.attributes);
  return options;
}

OptionError with_key(const OptionError& error, const LoadOptions& options,
                     const Settings& settings) {
  const auto* wrong = dynamic_cast<const WrongOption*>(&error);
  if (!wrong || !is_added(wrong->key, options, settings)) return error;
  return OptionError(std::string(error.what()) + "; the settings of the file set " + wrong->key);
}

bool ValueSettings::accepts(const NamedValue& value) const {
  if (std::isinf(min) && std::isinf(max)) return true;
  const auto is_inside = [&](double number) { return number >= min && number <= max; };
  if (const auto* integer = std::get_if<int64_t>(&value))
    return is_inside(static_cast<double>(*integer));
  if (const auto* number = std::get_if<double>(&value)) return is_inside(*number);
  const auto* numbers = std::get_if<std::vector<double>>(&value);
  return numbers && std::all_of(numbers->begin(), numbers->end(), is_inside);
}

void require_in_range(const std::string& what, const NamedValues& values,
                      const NamedSettings& settings) {
  for (const auto& [name, value] : values) {
    const auto known = settings.find(name);
    if (known == settings.end() || known->second.accepts(value)) continue;
    throw OptionError(what + " '" + name + "' is " + shown(value) +
                      "; the settings of the file accept " + range_of(known->second));
  }
}

}  // namespace torchstreamer
