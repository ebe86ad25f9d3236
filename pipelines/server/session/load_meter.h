// Measures how much of the processors the sessions use, and decides if there is room for one more.
#pragma once

#include <cstdint>
#include <string>

namespace torchstreamer::server {

/// Sums over all sessions, at one moment.
struct LoadSample {
  /// CPU time of the process, and of the threads of sessions that process files, in seconds.
  double cpu_s = 0, file_cpu_s = 0;
  /// Seconds of audio that the sessions that process files have put out.
  double file_output_s = 0;
  uint64_t live = 0, files = 0;
  /// Parts of the output of live sessions, and those of them that were late.
  uint64_t live_outputs = 0, late_outputs = 0;
};

/// Judges by the real-time factor that was measured in the last interval between two samples.
class LoadMeter {
 public:
  /// `limit`: number of processors that sessions may use.
  explicit LoadMeter(double limit) : limit_(limit) {}

  /// Adds a sample, `wall_s` seconds after the one before. The values only grow, but for numbers of
  /// sessions; a value that is smaller than before counts as no change.
  void add(const LoadSample& sample, double wall_s);

  /// Reason why a live session would not get its processor time; "" if there is room. `live`: the
  /// number of live sessions now.
  std::string refuse_live(uint64_t live) const;
  /// The same for a session that processes a file: it needs to run in real time, at least.
  std::string refuse_file(uint64_t files) const;

  /// Processors used by all sessions, and by live ones.
  double load() const { return load_; }
  double live_load() const { return live_load_; }

 private:
  double limit_;
  LoadSample last_;
  double load_ = 0, live_load_ = 0;
  double file_speed_ = 0;
  bool is_late_ = false;
};

}  // namespace torchstreamer::server
