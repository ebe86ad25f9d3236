// Settings that a model file contains.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "torchstreamer/error.h"
#include "torchstreamer/load.h"

namespace torchstreamer {

/// Name of the extra file of an archive that contains the settings.
constexpr char kSettingsName[] = "torchstreamer.json";

/// Size of the largest settings that are read.
constexpr uint64_t kMostSettingsBytes = 1 << 16;

/// Settings of one argument or attribute of the model.
struct ValueSettings {
  std::optional<NamedValue> initial;  ///< none: the default of the model
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::string description;

  /// Returns true for values without a range, and for numbers and arrays of numbers in the range.
  bool accepts(const NamedValue& value) const;
};

/// Settings of all arguments or attributes, by name.
using NamedSettings = std::map<std::string, ValueSettings>;

/// The settings in a file. A field with its default is not set by the file.
struct Settings {
  int64_t sample_rate_hz = 0;
  Layout layout = Layout::kAuto;
  int64_t window_frames = 0;
  int64_t hop_frames = 0;  ///< at most `window_frames`
  Tail tail = Tail::kAuto;
  std::string method;
  NamedSettings inputs, attributes;
  std::string output;                     ///< index or name, as LoadOptions::output
  std::vector<std::string> output_names;  ///< of the tensors that the method returns
  uint64_t channel_mask = 0;              ///< see Model::channel_mask()
  std::string name, license, description;

  std::string json;                   ///< the text of the file; empty if there is none
  std::vector<std::string> warnings;  ///< see Model::warnings()
};

/// Reads the settings of the model file at `path`. Returns Settings() if it contains none, and for
/// files that are not models. Throws Error with the path if they are not valid.
Settings read_settings(const std::string& path);

/// Returns `options` with the settings of the file for all fields that have their default; inputs
/// and attributes are merged name by name. If the options choose a different method than the file,
/// the settings of its method are not used: inputs, output, layout and blocks. Throws OptionError
/// if a value of an input or attribute is outside its range.
LoadOptions with_settings(LoadOptions options, const Settings& settings);

/// Returns `error`. If it is about one option that with_settings() adds to those of the user, the
/// text then names the key of the settings.
OptionError with_key(const OptionError& error, const LoadOptions& options,
                     const Settings& settings);

/// Returns true if `method` is the one that the settings of inputs, output, layout and blocks
/// describe.
bool describes_method(const Settings& settings, const std::string& method);

/// Throws OptionError if a value is outside its range. `what`: "input" or "attribute".
void require_in_range(const std::string& what, const NamedValues& values,
                      const NamedSettings& settings);

}  // namespace torchstreamer
