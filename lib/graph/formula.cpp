#include "graph/formula.h"

#include "timing.h"

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

}  // namespace torchstreamer::graph
