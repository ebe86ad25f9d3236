// A random sequence of buffers and events for an element, with a reference of its output.
#pragma once

#include <random>

#include "gst/elements/element_output.h"

namespace torchstreamer::test {

/// Sends random buffers and events to an element and compares its output with the reference.
class Sequence {
 public:
  Sequence(const Subject& subject, unsigned seed);

  void run(int actions);

  /// Flushes all the time, as for seeks in quick succession.
  void storm(int flushes);

  void cycle(int cycles);

  uint64_t signals() const { return signals_; }

 private:
  /// An event that the element must push before output frame `frame`.
  struct Held {
    int64_t frame;
    GstEventType type;
    guint32 seqnum;
  };

  int one_of(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  static void repeat(int times, const std::function<void()>& action);

  void act(int action);

  /// Starts a new stream each time: if a stream continues, GStreamer 1.26 sends its tags again and
  /// 1.22 drops them.
  void begin();

  GstEvent* stream_start() const;

  void send_caps();

  // ---- actions that end a signal

  /// Expects all frames of the signal and the events between them.
  void end_signal();

  /// Expects the first `end` frames of the signal and the events up to frame `end`.
  void expect_up_to(const Signal& out, int64_t end);

  /// Expects the beginning of the signal, at least as long as the latency requires; the rest is
  /// lost.
  void discard_signal();

  void send_ending(GstEvent* event);

  void change_caps();

  void end_stream();

  void new_segment();

  void flush();

  void restart(GstState low);

  void finish();

  // ---- actions that continue a signal

  GstClockTime due_ns() const;

  bool is_continuous_at(GstClockTime pts) const;

  GstClockTime choose_pts(int64_t frames);

  void push();

  /// Appends the samples to the signal, clipped to the segment like gst_audio_buffer_clip() does:
  /// to whole frames, including those that are partly inside.
  void append(const std::vector<float>& samples, int64_t frames, GstClockTime pts);

  void send_held(GstEventType type);

  void send_gap();

  /// Appends silence for a gap. False if the gap ends the signal instead.
  bool append_gap(GstClockTime pts, GstClockTime duration);

  const Subject subject_;
  ElementRig rig_;
  ElementOutput output_;
  std::mt19937 random_;
  GstSegment segment_;
  GstClockTime first_ns_ = 0;  // time of the first buffer of the segment
  int in_hz_ = 0, out_hz_ = 0;
  int64_t memory_frames_ = 0;
  GstClockTime latency_ns_ = 0;
  Signal in_;
  GstClockTime start_ns_ = GST_CLOCK_TIME_NONE;
  std::vector<Held> held_;
  uint64_t signals_ = 0;
  int streams_ = 0;
};

}  // namespace torchstreamer::test
