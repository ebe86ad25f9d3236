#include "exported/guards.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

// Largest number of terms of all guards. A program with 1,600 operators has 165 guards with 1,500;
// a GRU that was exported for 2,000 frames has 2,000 guards with 10,000.
constexpr size_t kMostTerms = 1 << 16;

Guard guard_of(const std::string& text) {
  Guard guard{Expression(text), "", "", -1};
  if (guard.expression.symbols().size() > 1)
    throw Error("its guard '" + text.substr(0, 200) +
                "' relates two sizes; export it with only the time axis dynamic");
  if (guard.expression.symbols().empty()) return guard;
  guard.symbol = guard.expression.symbols()[0];
  const std::string call = ".size()[";
  const size_t end = guard.symbol.rfind(call);
  if (end == std::string::npos) return guard;
  guard.input = guard.symbol.substr(0, end);
  guard.axis = std::atoll(guard.symbol.c_str() + end + call.size());
  return guard;
}

}  // namespace

std::vector<Guard> guards_of(const nlohmann::json& description) {
  std::vector<Guard> guards;
  const auto texts = description.find("guards_code");
  if (texts == description.end()) return guards;
  std::set<std::string> known;
  size_t terms = 0;
  for (const nlohmann::json& text : *texts) {
    if (!known.insert(text.get<std::string>()).second) continue;
    Guard guard = guard_of(text.get<std::string>());
    terms += guard.expression.terms();
    if (terms > kMostTerms) refuse_long_guards();
    if (!guard.symbol.empty()) guards.push_back(std::move(guard));
  }
  std::stable_partition(guards.begin(), guards.end(),
                        [](const Guard& guard) { return guard.expression.is_equation(); });
  return guards;
}

void refuse_long_guards() {
  throw Error(
      "its guards have too many terms; export it with only the time axis dynamic, or without "
      "dynamic_shapes if it has recurrent layers");
}

}  // namespace torchstreamer::exported
