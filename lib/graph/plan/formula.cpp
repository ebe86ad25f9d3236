#include "graph/plan/formula.h"

#include <utility>

#include "support/search.h"

namespace torchstreamer::graph {

std::optional<Formula> Formula::fit(int64_t first_length, const std::vector<int64_t>& values) {
  const int64_t count = static_cast<int64_t>(values.size());
  for (int64_t period = 1; 2 * period <= count; ++period) {
    const int64_t step = values[period] - values[0];
    bool fits = true;
    for (int64_t i = 0; fits && i + period < count; ++i)
      fits = values[i + period] - values[i] == step;
    if (!fits) continue;
    Formula formula;
    formula.step_ = step;
    formula.table_.resize(period);
    for (int64_t i = 0; i < period; ++i) {
      const int64_t length = first_length + i;
      formula.table_[length % period] = values[i] - step * (length / period);
    }
    return formula;
  }
  return std::nullopt;
}

int64_t Formula::at(int64_t length) const {
  const int64_t period = static_cast<int64_t>(table_.size());
  return table_[length % period] + step_ * (length / period);
}

LengthRule Formula::rule() const {
  if (table_.size() == 1 && step_ == 0) return table_[0];
  return [formula = *this](int64_t length) { return formula.at(length); };
}

int64_t least_length(const std::function<bool(int64_t length)>& holds) {
  constexpr int64_t kNever = int64_t{1} << 40;
  int64_t fails = 0, works = 1;
  while (works < kNever && !holds(works)) fails = std::exchange(works, 2 * works);
  return first_where(fails, works, holds);
}

}  // namespace torchstreamer::graph
