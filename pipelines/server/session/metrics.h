// Counters of the server, as Prometheus reads them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace torchstreamer::server {

/// Counts durations in steps of a sixteenth; quantiles are rounded up.
class Delays {
 public:
  void add(double seconds);
  /// Upper bound of the quantile in seconds; 0 if nothing was counted.
  double quantile(double q) const;
  uint64_t count() const { return count_; }
  double sum_s() const { return sum_s_; }

 private:
  static constexpr int kStepsPerOctave = 16, kOctaves = 30;
  std::array<uint64_t, kStepsPerOctave * kOctaves> counts_{};
  uint64_t count_ = 0;
  double sum_s_ = 0;
};

/// All values since the start of the server.
struct Metrics {
  /// By kind: live, file.
  std::map<std::string, uint64_t> sessions;
  /// By reason.
  std::map<std::string, uint64_t> refusals;
  std::map<std::string, uint64_t> failures;
  uint64_t bytes_in = 0, bytes_out = 0;
  double audio_s = 0;
  uint64_t live_outputs = 0, late_outputs = 0;
  /// Time from the arrival of input to the output that it completes, of live sessions.
  Delays delays;
};

class Sessions;

/// Text format of Prometheus, version 0.0.4.
std::string print_metrics(const Metrics& metrics, const Sessions& sessions);

}  // namespace torchstreamer::server
