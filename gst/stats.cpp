#include "stats.h"

#include <algorithm>

namespace torchstreamer {

StreamFacts::StreamFacts(const Engine& engine, int in_hz) {
  const Timing& timing = engine.timing();
  const Rational frames = std::max(timing.look_ahead_frames(), Rational(0));
  const Rational seconds = frames / Rational(in_hz);
  rate = timing.rate();
  look_ahead_frames = frames.ceil();
  look_ahead_ns = gst_util_uint64_scale_ceil(seconds.num, GST_SECOND, seconds.den);
  receptive_field_frames = timing.receptive_field_frames();
}

void Stats::start() {
  const std::lock_guard<std::mutex> lock(mutex_);
  frames_in_ = frames_out_ = resets_ = held_bytes_ = 0;
}

bool Stats::set_stream(std::optional<StreamFacts> facts) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::swap(facts_, facts);
  held_bytes_ = 0;
  auto latency_ns = [](const auto& f) { return f ? f->look_ahead_ns : 0; };
  return latency_ns(facts_) != latency_ns(facts);
}

void Stats::add(gint64 frames_in, gint64 frames_out, gint64 held_bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  frames_in_ += frames_in;
  frames_out_ += frames_out;
  held_bytes_ = held_bytes;
}

void Stats::add_reset() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++resets_;
  held_bytes_ = 0;
}

guint64 Stats::latency_ns() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return facts_ ? facts_->look_ahead_ns : 0;
}

GstStructure* Stats::to_structure() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  GstStructure* stats = gst_structure_new("application/x-torchstreamer-stats", "frames-in",
                                          G_TYPE_UINT64, frames_in_, "frames-out", G_TYPE_UINT64,
                                          frames_out_, "resets", G_TYPE_UINT64, resets_, nullptr);
  if (facts_)
    gst_structure_set(stats, "rate-ratio", GST_TYPE_FRACTION, static_cast<int>(facts_->rate.num),
                      static_cast<int>(facts_->rate.den), "look-ahead-frames", G_TYPE_UINT64,
                      facts_->look_ahead_frames, "look-ahead-ns", G_TYPE_UINT64,
                      facts_->look_ahead_ns, "receptive-field-frames", G_TYPE_UINT64,
                      facts_->receptive_field_frames, "held-bytes", G_TYPE_UINT64, held_bytes_,
                      nullptr);
  return stats;
}

}  // namespace torchstreamer
