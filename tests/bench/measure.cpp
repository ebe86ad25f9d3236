#include "measure.h"

#include <algorithm>
#include <cmath>

namespace torchstreamer::bench {

std::vector<Figures> interleaved(const std::vector<Measure>& measures, int repeats) {
  constexpr int kWarmUps = 2;  // libtorch optimises a script during its second run
  std::vector<Figures> figures(measures.size());
  for (int repeat = -kWarmUps; repeat < repeats; ++repeat)
    for (size_t i = 0; i < measures.size(); ++i) {
      const double figure = measures[i]();
      if (repeat >= 0) figures[i].push_back(figure);
    }
  return figures;
}

double quantile(Figures figures, double q) {
  const auto at = figures.begin() + std::lround(q * static_cast<double>(figures.size() - 1));
  std::nth_element(figures.begin(), at, figures.end());
  return *at;
}

double median(const Figures& figures) { return quantile(figures, 0.5); }

double median_ratio(const Figures& a, const Figures& b) {
  Figures ratios;
  ratios.reserve(a.size());
  for (size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(ratios);
}

}  // namespace torchstreamer::bench
