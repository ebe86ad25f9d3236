#include "server/session/load_meter.h"

#include <algorithm>

namespace torchstreamer::server {
namespace {

/// Live sessions that may be added to few between two samples.
constexpr uint64_t kFirstSessions = 8;
/// Share of late outputs beyond which there is no room.
constexpr double kMaxLate = 0.001;

double growth(double now, double before) { return std::max(0.0, now - before); }

}  // namespace

void LoadMeter::add(const LoadSample& sample, double wall_s) {
  load_ = growth(sample.cpu_s, last_.cpu_s) / wall_s;
  live_load_ = growth(load_, growth(sample.file_cpu_s, last_.file_cpu_s) / wall_s);
  file_speed_ = growth(sample.file_output_s, last_.file_output_s) / wall_s;
  const uint64_t outputs = sample.live_outputs - std::min(sample.live_outputs, last_.live_outputs);
  const uint64_t late = sample.late_outputs - std::min(sample.late_outputs, last_.late_outputs);
  is_late_ = static_cast<double>(late) > kMaxLate * static_cast<double>(outputs);
  last_ = sample;
}

std::string LoadMeter::refuse_live(uint64_t live) const {
  if (is_late_) return "the output of live sessions is late";
  if (live >= last_.live + std::max(last_.live, kFirstSessions))
    return "too many sessions start at the same time";
  if (last_.live == 0) return "";
  const double factor = live_load_ / static_cast<double>(last_.live);
  return factor * static_cast<double>(live + 1) > limit_ ? "the processors are busy" : "";
}

std::string LoadMeter::refuse_file(uint64_t files) const {
  if (is_late_) return "the output of live sessions is late";
  if (files == 0 || load_ <= limit_) return "";
  return file_speed_ / static_cast<double>(files + 1) < 1 ? "the processors are busy" : "";
}

}  // namespace torchstreamer::server
