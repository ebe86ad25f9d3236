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

/// Returns the different guards of a program that name a symbol. Throws Error if a guard relates
/// two symbols, or if they have too many terms: each is evaluated for thousands of sizes.
/// `description`: ExportedProgram of schema.py.
std::vector<Guard> guards_of(const nlohmann::json& description);

}  // namespace torchstreamer::exported
