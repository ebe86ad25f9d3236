// CPU time of trials.
#pragma once

namespace torchstreamer::blocks {

/// Measures the CPU time of the calling thread.
class CpuTime {
 public:
  CpuTime() : start_seconds_(now_seconds()) {}

  /// Returns the CPU time since the construction in seconds.
  double seconds() const { return now_seconds() - start_seconds_; }

 private:
  static double now_seconds();

  double start_seconds_;
};

}  // namespace torchstreamer::blocks
