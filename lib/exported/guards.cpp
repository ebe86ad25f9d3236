#include "exported/guards.h"

#include <c10/util/StringUtil.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

// Largest number of terms of all guards. A program with 1,600 operators has 165 guards with 1,500.
constexpr size_t kMostTerms = 1 << 12;

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
    if (terms > kMostTerms)
      throw Error(c10::str("its guards have more than ", kMostTerms,
                           " terms; export it with only the time axis dynamic"));
    if (!guard.symbol.empty()) guards.push_back(std::move(guard));
  }
  return guards;
}

}  // namespace torchstreamer::exported
