// What is measured, and how often.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

namespace torchstreamer::bench {

/// Measures once and returns its figure: x real time, GFLOP/s, ns, ...
using Measure = std::function<double()>;

/// The figures of one measure, a repeat each.
using Figures = std::vector<double>;

/// Every measure in turn, `repeats` times, after two rounds that warm up: a machine that slows down
/// slows them all. One row for each measure.
std::vector<Figures> interleaved(const std::vector<Measure>& measures, int repeats);

/// The value below which a share `q` of the figures lies.
double quantile(Figures figures, double q);
double median(const Figures& figures);
/// The median of a / b, repeat by repeat.
double median_ratio(const Figures& a, const Figures& b);

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace torchstreamer::bench
