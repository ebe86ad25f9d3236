// Guards of a program: conditions on the sizes of its inputs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "exported/expression.h"

namespace torchstreamer::exported {

/// A guard over one axis of one input.
struct Guard {
  Expression expression;
  std::string symbol;  ///< "L['x'].size()[2]"
  std::string input;   ///< "L['x']"
  int64_t axis = -1;   ///< -1 if the symbol is not a size
};

/// Returns the different guards of a program that name a symbol. Equations come first, because they
/// accept fewest sizes. Throws Error if a guard relates two symbols, or if they have too many
/// terms. `description`: ExportedProgram of schema.py.
std::vector<Guard> guards_of(const nlohmann::json& description);

/// Throws the Error for guards with too many terms.
[[noreturn]] void refuse_long_guards();

}  // namespace torchstreamer::exported
