// Errors of one option.
#pragma once

#include <string>
#include <utility>

#include "torchstreamer/error.h"

namespace torchstreamer {

/// The value of one option does not fit the model.
class WrongOption : public OptionError {
 public:
  /// `key`: path of this option in the settings of a file, such as "inputs.gain".
  WrongOption(std::string key, const std::string& what) : OptionError(what), key(std::move(key)) {}
  std::string key;
};

/// Runs `code`. Rethrows an OptionError as WrongOption.
template <class Code>
auto with_option_key(const std::string& key, const Code& code) {
  try {
    return code();
  } catch (const OptionError& error) {
    throw WrongOption(key, error.what());
  }
}

}  // namespace torchstreamer
