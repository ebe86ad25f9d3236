// A random sequence of buffers and events, sent to an element, with the reference that follows it.
#pragma once

#include <random>

#include "gst/elements/departed.h"

namespace torchstreamer::test {

/// Sends to an element and follows what must come of it.
class Sequence {
 public:
  Sequence(const Subject& subject, unsigned seed);

  void run(int actions);

  /// As an application that seeks all the time.
  void storm(int flushes);

  void cycle(int cycles);

  uint64_t signals() const { return signals_; }

 private:
  struct Held {
    int64_t frame;  // of the output
    GstEventType type;
    guint32 seqnum;
  };

  int one_of(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  static void repeat(int times, const std::function<void()>& action);

  void act(int action);

  /// Another stream each time: the tags of one that goes on would be sent again by GStreamer 1.26,
  /// and would be dropped by 1.22.
  void begin();

  GstEvent* stream_start() const;

  void send_caps();

  // ---- what ends a signal

  /// All frames of the signal, and the events among them, are to have left.
  void end_signal();

  /// The first `end` frames of the signal, and the events that belong before the one after them.
  void expect_up_to(const Signal& out, int64_t end);

  /// The signal is given up: what left is its beginning, and is as long as the latency allows.
  void give_up_signal();

  void send_ending(GstEvent* event);

  void change_caps();

  void end_stream();

  void new_segment();

  void flush();

  void restart(GstState low);

  void finish();

  // ---- what goes on with it

  GstClockTime due_ns() const;

  bool goes_on_at(GstClockTime pts) const;

  GstClockTime choose_pts(int64_t frames);

  void push();

  /// As gst_audio_buffer_clip() clips: to whole frames, rounded to what is longer.
  void arrive(const std::vector<float>& samples, int64_t frames, GstClockTime pts);

  void send_held(GstEventType type);

  void send_gap();

  bool fills(GstClockTime pts, GstClockTime duration);

  const Subject subject_;
  ElementRig rig_;
  Departed departed_;
  std::mt19937 random_;
  GstSegment segment_;
  GstClockTime first_ns_ = 0;  // of a segment
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
