// Sequence: its order of actions, and the actions that end a signal.
#include "gst/elements/sequence.h"

#include <cmath>
#include <tuple>

namespace torchstreamer::test {

Sequence::Sequence(const Subject& subject, unsigned seed)
    : subject_(subject),
      rig_(subject.factory, subject.settings),
      output_(&rig_, subject.tolerance),
      random_(seed) {
  begin();
}

void Sequence::run(int actions) {
  repeat(actions, [&] { act(one_of(20)); });
  finish();
}

void Sequence::storm(int flushes) {
  repeat(flushes, [&] {
    repeat(one_of(4), [&] { act(one_of(11)); });
    flush();
  });
  finish();
}

void Sequence::cycle(int cycles) {
  repeat(cycles, [&] {
    repeat(one_of(4), [&] { act(one_of(11)); });
    restart(one_of(4) == 0 ? GST_STATE_NULL : GST_STATE_READY);
  });
  finish();
}

void Sequence::repeat(int times, const std::function<void()>& action) {
  for (int i = 0; i < times && !testing::Test::HasFatalFailure(); ++i) action();
}

void Sequence::act(int action) {
  if (action < 8) return push();
  if (action == 8) return send_held(GST_EVENT_TAG);
  if (action == 9) return send_held(GST_EVENT_CUSTOM_DOWNSTREAM);
  if (action == 10) return send_gap();
  if (action == 11) return flush();
  if (action == 12) return end_stream();
  if (action == 13) return change_caps();
  if (action == 14) return send_ending(gst_event_new_segment_done(GST_FORMAT_TIME, 0));
  if (action == 15) return new_segment();
  if (action == 16 && one_of(4) == 0) return restart(GST_STATE_READY);
  push();
}

void Sequence::begin() {
  in_ = Signal(subject_.channels_in);
  output_.drop_all();
  ++streams_;
  send_ending(stream_start());
  send_caps();
  new_segment();
}

GstEvent* Sequence::stream_start() const {
  return gst_event_new_stream_start(std::to_string(streams_).c_str());
}

void Sequence::send_caps() {
  std::tie(in_hz_, out_hz_) = subject_.rates_hz[one_of(subject_.rates_hz.size())];
  const std::string out = "audio/x-raw,rate=" + std::to_string(out_hz_);
  gst_harness_set_sink_caps_str(rig_.harness, out.c_str());
  rig_.send_caps(audio(subject_.channels_in, in_hz_));
  memory_frames_ = rig_.stat("receptive-field-frames");
  latency_ns_ = rig_.latency_ns();
}

void Sequence::end_signal() {
  const int64_t frames = frames_of(in_);
  if (frames == 0) return;
  const Signal out = subject_.offline(in_, in_hz_, out_hz_);
  ASSERT_EQ(frames_of(out), subject_.count_out(frames, in_hz_, out_hz_));
  expect_up_to(out, frames_of(out));
  for (const Held& held : std::exchange(held_, {})) output_.expect_event(held.type, held.seqnum);
  start_ns_ = due_ns();
  in_ = Signal(subject_.channels_in);
  ++signals_;
}

void Sequence::expect_up_to(const Signal& out, int64_t end) {
  int64_t first = 0;
  while (!held_.empty() && held_.front().frame <= end) {
    output_.expect_frames(out, first, held_.front().frame, start_ns_);
    output_.expect_event(held_.front().type, held_.front().seqnum);
    if (testing::Test::HasFatalFailure()) return;
    first = held_.front().frame;
    held_.erase(held_.begin());
  }
  output_.expect_frames(out, first, end, start_ns_);
}

void Sequence::discard_signal() {
  const int64_t frames = frames_of(in_);
  if (frames > 0) {
    const Signal out = subject_.offline(in_, in_hz_, out_hz_);
    const int64_t pushed = output_.frames_before(GST_EVENT_FLUSH_START);
    const double late_frames = static_cast<double>(latency_ns_) * in_hz_ / GST_SECOND;
    ASSERT_GE(pushed, std::floor((frames - 1 - late_frames) * out_hz_ / in_hz_ + 1 - 1e-6));
    ASSERT_LE(pushed, frames_of(out));
    expect_up_to(out, pushed);
    ++signals_;
  }
  in_ = Signal(subject_.channels_in);
  start_ns_ = GST_CLOCK_TIME_NONE;
}

void Sequence::send_ending(GstEvent* event) {
  const GstEventType type = GST_EVENT_TYPE(event);
  const guint32 seqnum = gst_event_get_seqnum(event);
  rig_.send(event);
  end_signal();
  if (!testing::Test::HasFatalFailure()) output_.expect_event(type, seqnum);
}

void Sequence::change_caps() {
  const int old_in_hz = in_hz_, old_out_hz = out_hz_;
  send_caps();
  const int in_hz = std::exchange(in_hz_, old_in_hz), out_hz = std::exchange(out_hz_, old_out_hz);
  if (in_hz != old_in_hz) end_signal();
  in_hz_ = in_hz;
  out_hz_ = out_hz;
}

void Sequence::end_stream() {
  send_ending(gst_event_new_eos());
  if (testing::Test::HasFatalFailure()) return;
  send_ending(stream_start());
  new_segment();
}

void Sequence::new_segment() {
  gst_segment_init(&segment_, GST_FORMAT_TIME);
  const double rates[] = {1, 1, 0.5, 2, -1};
  segment_.rate = rates[one_of(5)];
  segment_.start = one_of(2) * one_of(1000) * GST_MSECOND;
  if (one_of(2) == 0) segment_.stop = segment_.start + (1 + one_of(50)) * GST_MSECOND;
  first_ns_ = segment_.start - std::min<GstClockTime>(segment_.start, one_of(20) * GST_MSECOND);
  if (segment_.rate < 0) {
    segment_.stop = segment_.start + 10 * GST_SECOND;
    first_ns_ += 5 * GST_SECOND;
  }
  send_ending(gst_event_new_segment(&segment_));
  start_ns_ = GST_CLOCK_TIME_NONE;
}

void Sequence::flush() {
  GstEvent *start = gst_event_new_flush_start(), *stop = gst_event_new_flush_stop(TRUE);
  const guint32 start_seqnum = gst_event_get_seqnum(start);
  const guint32 stop_seqnum = gst_event_get_seqnum(stop);
  rig_.send(start);
  rig_.send(stop);
  discard_signal();
  if (testing::Test::HasFatalFailure()) return;
  output_.expect_event(GST_EVENT_FLUSH_START, start_seqnum);
  output_.expect_event(GST_EVENT_FLUSH_STOP, stop_seqnum);
  for (const Held& held : std::exchange(held_, {}))
    if (held.type == GST_EVENT_TAG) output_.keep(held.seqnum);
  new_segment();
}

void Sequence::restart(GstState low) {
  gst_element_set_state(rig_.element, low);
  ASSERT_EQ(change_state(rig_.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  discard_signal();
  if (!testing::Test::HasFatalFailure()) output_.expect_nothing();
  held_.clear();
  begin();
}

void Sequence::finish() {
  if (testing::Test::HasFatalFailure()) return;
  send_ending(gst_event_new_eos());
  output_.expect_nothing();
  EXPECT_EQ(first_text(rig_.take_errors()), "");
}

}  // namespace torchstreamer::test
