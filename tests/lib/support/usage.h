// CPU time and memory of this process.
#pragma once

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace torchstreamer::testing {

inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/// A row of /proc/self/status in MiB.
inline double memory_mib(const std::string& row) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(row, 0) == 0) return std::stod(line.substr(row.size())) / 1024;
  return 0;
}

/// CPU time and peak memory since it was created, beyond the memory used then.
class Usage {
 public:
  Usage() {
    std::ofstream("/proc/self/clear_refs") << "5";  // resets the peak to the current memory
    seconds_ = cpu_seconds();
    mib_ = memory_mib("VmRSS:");
  }
  double seconds() const { return cpu_seconds() - seconds_; }
  double mib() const { return memory_mib("VmHWM:") - mib_; }

 private:
  double seconds_, mib_;
};

}  // namespace torchstreamer::testing
