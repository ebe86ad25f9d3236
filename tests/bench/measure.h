// Repeated measurements of several candidates in turn.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

namespace torchstreamer::bench {

/// Measures once and returns its figure: x real time, GFLOP/s, ns, ...
using Measure = std::function<double()>;

/// The figures of one measure, one per repeat.
using Figures = std::vector<double>;

/// Runs every measure in turn, `repeats` times, after two warm-up rounds; a slower machine then
/// slows all measures alike. Returns the figures of each measure.
std::vector<Figures> interleaved(const std::vector<Measure>& measures, int repeats);

/// Quantile `q` of the figures, 0 to 1.
double quantile(Figures figures, double q);
double median(const Figures& figures);
/// Median of the ratios a[i] / b[i].
double median_ratio(const Figures& a, const Figures& b);

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace torchstreamer::bench
