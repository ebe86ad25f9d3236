#include "base/stats.h"

#include <algorithm>

#include "time/latency.h"

namespace torchstreamer {
namespace {

guint64 to_ns(Rational frames, int hz) {
  const Rational seconds = frames / Rational(hz);
  return gst_util_uint64_scale_ceil(seconds.num, GST_SECOND, seconds.den);
}

}  // namespace

StreamFacts::StreamFacts(const Engine& engine, int in_hz, int64_t block_frames) {
  const Timing& timing = engine.timing();
  const Rational frames = timing.look_ahead_frames();
  rate = timing.rate();
  look_ahead_frames = frames.ceil();
  look_ahead_ns = to_ns(frames, in_hz);
  latency_ns =
      to_ns(latency_frames(timing, block_frames), in_hz) + static_cast<guint64>(engine.wait_ns());
  receptive_field_frames = timing.receptive_field_frames();
}

void Stats::start() {
  const std::lock_guard<std::mutex> lock(mutex_);
  counts_ = Counts();
}

bool Stats::set_stream(std::optional<StreamFacts> facts) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::swap(facts_, facts);
  counts_.held_bytes = counts_.queued_frames = 0;
  auto latency_ns = [](const auto& f) { return f ? f->latency_ns : 0; };
  return latency_ns(facts_) != latency_ns(facts);
}

void Stats::add(const Progress& progress) {
  const std::lock_guard<std::mutex> lock(mutex_);
  counts_.frames_in += progress.frames_in;
  counts_.frames_out += progress.frames_out;
  counts_.queued_frames = progress.waiting_frames;
  counts_.held_bytes = progress.held_bytes;
  counts_.recoveries += progress.recoveries;
  counts_.audio_ns += static_cast<double>(progress.frames_in) / progress.in_hz * GST_SECOND;
  if (!progress.compute_ns) return;
  counts_.compute_ns += *progress.compute_ns;
  counts_.pushes.add(*progress.compute_ns);
}

void Stats::add_gap() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++counts_.gaps;
}

void Stats::add_reset() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++counts_.resets;
  counts_.held_bytes = counts_.queued_frames = 0;
}

guint64 Stats::latency_ns() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return facts_ ? facts_->latency_ns : 0;
}

GstStructure* Stats::to_structure() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Counts& c = counts_;
  GstStructure* stats = gst_structure_new(
      "application/x-torchstreamer-stats", "frames-in", G_TYPE_UINT64, c.frames_in, "frames-out",
      G_TYPE_UINT64, c.frames_out, "resets", G_TYPE_UINT64, c.resets, "gaps", G_TYPE_UINT64, c.gaps,
      "recoveries", G_TYPE_UINT64, c.recoveries, "chunks", G_TYPE_UINT64, c.pushes.count(),
      "compute-p50-ns", G_TYPE_UINT64, c.pushes.quantile_ns(0.5), "compute-p99-ns", G_TYPE_UINT64,
      c.pushes.quantile_ns(0.99), "compute-max-ns", G_TYPE_UINT64, c.pushes.max_ns(),
      "real-time-factor", G_TYPE_DOUBLE, c.audio_ns > 0 ? c.compute_ns / c.audio_ns : 0.0, nullptr);
  if (facts_)
    gst_structure_set(stats, "rate-ratio", GST_TYPE_FRACTION, static_cast<int>(facts_->rate.num),
                      static_cast<int>(facts_->rate.den), "look-ahead-frames", G_TYPE_UINT64,
                      facts_->look_ahead_frames, "look-ahead-ns", G_TYPE_UINT64,
                      facts_->look_ahead_ns, "receptive-field-frames", G_TYPE_UINT64,
                      facts_->receptive_field_frames, "queued-frames", G_TYPE_UINT64,
                      c.queued_frames, "held-bytes", G_TYPE_UINT64, c.held_bytes, nullptr);
  return stats;
}

}  // namespace torchstreamer
