#include "trust/arguments.h"

#include <c10/util/StringUtil.h>

#include "torchstreamer/error.h"

namespace torchstreamer {

void refuse_argument(const std::string& name, int64_t value, const std::string& rule) {
  throw Error(c10::str("its argument '", name, "' is ", value, "; ", rule));
}

const c10::IValue* Arguments::find(const std::string& name) const {
  const auto index = schema_.argumentIndexWithName(name);
  return index ? &values_[*index] : nullptr;
}

bool Arguments::has_tensor(const std::string& name) const {
  const c10::IValue* value = find(name);
  return value && value->isTensor() && value->toTensor().defined();
}

std::vector<int64_t> Arguments::integers(const std::string& name) const {
  const c10::IValue* value = find(name);
  if (value && value->isInt()) return {value->toInt()};
  return value && value->isIntList() ? value->toIntVector() : std::vector<int64_t>();
}

void Arguments::require_range(const std::string& name, int64_t least, int64_t most) const {
  for (const int64_t value : integers(name))
    if (value < least || value > most)
      refuse_argument(name, value, c10::str(least, " to ", most, " are supported"));
}

void Arguments::require_least(size_t i, int64_t least) const {
  const auto require = [&](int64_t value) {
    if (value < least) refuse_argument(name(i), value, c10::str(least, " is the least one"));
  };
  if (values_[i].isInt()) require(values_[i].toInt());
  if (values_[i].isIntList())
    for (const int64_t value : values_[i].toIntList()) require(value);
}

}  // namespace torchstreamer
