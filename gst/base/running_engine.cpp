#include "base/running_engine.h"

#include <algorithm>
#include <utility>

#include "process/exit_barrier.h"

GST_DEBUG_CATEGORY_EXTERN(ts_transform_debug);
#define GST_CAT_DEFAULT ts_transform_debug

namespace torchstreamer {

RunningEngine::RunningEngine(const Format& format, std::unique_ptr<Engine> engine,
                             int64_t block_frames)
    : format_(format),
      timeline_(GST_AUDIO_INFO_RATE(&format.in), format.out_hz),
      engine_(std::move(engine)),
      blocks_(format.in, block_frames) {}

StreamFacts RunningEngine::update_facts() {
  StreamFacts facts(*engine_, GST_AUDIO_INFO_RATE(&format_.in), blocks_.block_frames());
  receptive_field_frames_ = facts.receptive_field_frames;
  if (format_.is_analyzer) facts.latency_ns = 0;
  return facts;
}

bool RunningEngine::continues(const GstBuffer* buffer, JumpLimits limits) const {
  const bool is_flagged = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) ||
                          GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_RESYNC);
  if (is_flagged && !timeline_.is_at_seam()) return false;
  // Sources flag the first buffer of every segment; its time shows if there is a discontinuity.
  if (is_flagged) limits.wait_ns = 0;
  return timeline_.continues(GST_BUFFER_PTS(buffer), limits);
}

void RunningEngine::fill_in_pts(GstBuffer** buffer) const {
  if (GST_BUFFER_PTS_IS_VALID(*buffer)) return;
  *buffer = gst_buffer_make_writable(*buffer);
  GST_BUFFER_PTS(*buffer) = timeline_.next_pts();
}

void RunningEngine::clip(GstBuffer** buffer, const GstSegment& segment) const {
  // gst_audio_buffer_clip() asserts that there is at least one frame.
  if (segment.format != GST_FORMAT_TIME || frames_in(*buffer, format_.in) == 0) return;
  // Without a duration, clipping computes the exact one from the number of frames.
  *buffer = gst_buffer_make_writable(*buffer);
  GST_BUFFER_DURATION(*buffer) = GST_CLOCK_TIME_NONE;
  *buffer = gst_audio_buffer_clip(*buffer, &segment, GST_AUDIO_INFO_RATE(&format_.in),
                                  GST_AUDIO_INFO_BPF(&format_.in));
}

std::optional<int64_t> RunningEngine::gap_frames(GstClockTime pts, GstClockTime duration,
                                                 const GstSegment& segment,
                                                 JumpLimits limits) const {
  if (!is_in_signal() || segment.rate < 0 || !GST_CLOCK_TIME_IS_VALID(duration) ||
      !timeline_.continues(pts, {limits.tolerance_ns}))
    return std::nullopt;
  const int64_t frames = timeline_.frames_until(std::min(pts + duration, segment.stop));
  if (frames >= receptive_field_frames_) return std::nullopt;
  return std::max<int64_t>(0, frames);
}

Pushed RunningEngine::push(GstBaseTransform* element, GstBuffer* in, PushEnd end) {
  const ExitBarrier::Hold hold;
  const bool final = end == PushEnd::kSignal;
  Pushed pushed;
  Progress& progress = pushed.progress;
  const Planes input(in, format_.in, GST_MAP_READ);
  progress.in_hz = GST_AUDIO_INFO_RATE(&format_.in);
  progress.frames_in = input.frames();
  const BlockAdapter::Frames frames = blocks_.push(input, end != PushEnd::kNone);
  progress.waiting_frames = blocks_.waiting_frames();
  progress.held_bytes = engine_->held_bytes();
  if (frames.frames == 0 && !final) return pushed;
  progress.frames_out = engine_->frames_due(frames.frames, final);
  if (progress.frames_out > 0)
    pushed.buffer.reset(allocate_frames(element, format_.out, progress.frames_out));
  const Planes output(pushed.buffer.get(), format_.out, GST_MAP_WRITE);
  const int64_t recoveries = engine_->recoveries();
  const GstClockTime begin_ns = gst_util_get_timestamp();
  engine_->push(frames.planes, frames.frames, final, output.data());
  progress.compute_ns = gst_util_get_timestamp() - begin_ns;
  progress.recoveries = engine_->recoveries() - recoveries;
  progress.held_bytes = engine_->held_bytes();
  GST_DEBUG_OBJECT(
      element,
      "push: %" G_GINT64_FORMAT " frames in, %" G_GINT64_FORMAT " out, %" G_GUINT64_FORMAT " ns%s",
      frames.frames, progress.frames_out, *progress.compute_ns, final ? ", end of signal" : "");
  return pushed;
}

void RunningEngine::add_input(GstBuffer* in, const Pushed& pushed) {
  timeline_.add_input(in ? GST_BUFFER_PTS(in) : GST_CLOCK_TIME_NONE, pushed.progress.frames_in);
}

void RunningEngine::queue_output(Pushed* pushed, GstBuffer* in, GstClockTime in_pts) {
  GstBuffer* buffer = pushed->buffer.get();
  if (!buffer) return;
  const int64_t frames = pushed->progress.frames_out;
  if (in && GST_BUFFER_FLAG_IS_SET(in, GST_BUFFER_FLAG_GAP) && is_silent(buffer, format_.out))
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
  if (format_.is_analyzer)
    queue_frame_by_frame(buffer, frames);
  else
    output_.add_buffer(pushed->buffer.release(), frames, format_.out, &timeline_, in, in_pts);
}

void RunningEngine::queue_frame_by_frame(GstBuffer* buffer, int64_t frames) {
  const gsize bytes = gst_buffer_get_size(buffer) / frames;
  for (int64_t i = 0; i < frames; ++i) {
    const TimeSpan input = input_of_frame_out(timeline_.frames_out());
    GstBuffer* frame = gst_buffer_copy_region(buffer, GST_BUFFER_COPY_MEMORY, i * bytes, bytes);
    set_input_span(frame, input);
    output_.add_buffer(frame, 1, format_.out, &timeline_, nullptr, GST_CLOCK_TIME_NONE);
  }
}

/// Returns the span of the input that output frame `frame` depends on, clipped to the signal so
/// far.
TimeSpan RunningEngine::input_of_frame_out(int64_t frame) const {
  const Span span = engine_->timing().depends({frame, frame});
  const int64_t frames_in = timeline_.frames_in();
  const int64_t first = std::clamp<int64_t>(span.first, 0, frames_in);
  const int64_t end = std::clamp<int64_t>(span.last + 1, first, frames_in);
  const GstClockTime start_ns = timeline_.pts_of_frame_in(first);
  if (!GST_CLOCK_TIME_IS_VALID(start_ns)) return {};
  return {start_ns, timeline_.pts_of_frame_in(end) - start_ns};
}

void RunningEngine::reset_engine() {
  const ExitBarrier::Hold hold;
  engine_->reset();
}

void RunningEngine::drop_signal() {
  blocks_.clear();
  output_.end_signal();
  timeline_.restart();
}

void RunningEngine::flush(GstPad* pad) {
  blocks_.clear();
  output_.flush(pad);
  timeline_.restart(GST_CLOCK_TIME_NONE);
}

void RunningEngine::hand_over(std::unique_ptr<Engine> next, GstClockTime pts) {
  const Handover::FrameBytes bytes{GST_AUDIO_INFO_BPF(&format_.in),
                                   GST_AUDIO_INFO_BPF(&format_.out)};
  auto handover = std::make_unique<Handover>(std::move(engine_), std::move(next),
                                             timeline_.frames_in() - blocks_.waiting_frames(),
                                             timeline_.frame_out_at(pts), bytes);
  handover_ = handover.get();
  engine_ = std::move(handover);
}

std::optional<RunningEngine::HandedOver> RunningEngine::end_handover() {
  if (!handover_ || !handover_->is_done()) return std::nullopt;
  HandedOver result = {GST_CLOCK_TIME_NONE, nullptr};
  if (handover_->has_handed_over()) {
    const int64_t frame = handover_->first_frame();
    result = {timeline_.pts_of_frame_out(frame), timeline_.earlier_segment(frame)};
  }
  engine_ = std::exchange(handover_, nullptr)->take_engine();
  return result;
}

}  // namespace torchstreamer
