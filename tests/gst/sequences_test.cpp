// Both elements under random sequences of buffers and events. A reference follows each sequence
// with the simplest bookkeeping there is and computes whole signals slowly, in double: every frame,
// its time, and the place of every event among the frames must be the reference's.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <optional>
#include <tuple>

#include "model_rig.h"
#include "oracle.h"

namespace torchstreamer::test {
namespace {

struct Subject {
  std::string name, factory;
  Settings settings;
  int channels_in, channels_out;
  std::vector<std::pair<int, int>> rates_hz;  // in, out
  std::function<Signal(const Signal&, int in_hz, int out_hz)> offline;
  std::function<int64_t(int64_t frames, int in_hz, int out_hz)> count_out;
  double tolerance = 1e-6;
};

std::ostream& operator<<(std::ostream& out, const Subject& s) { return out << s.name; }

Subject resampler(int channels, const std::string& block_ns) {
  return {"tsresample" + block_ns,
          "tsresample",
          {{"block-duration", block_ns}},
          channels,
          channels,
          {{44100, 48000}, {48000, 16000}, {8000, 48000}, {11025, 8000}},
          resampled,
          [](int64_t n, int in_hz, int out_hz) { return (n * out_hz + in_hz - 1) / in_hz; },
          3e-5};  // torchaudio computes the filter in float
}

/// A model of KNOWN that multiplies the rate by num / den and gives count(n) frames for n.
Subject model(const std::string& name, const std::vector<KnownLayer>& layers, int num, int den,
              std::function<int64_t(int64_t)> count, const std::string& block_ns = "0") {
  return {name + block_ns,
          "tsmodel",
          at(name + ".script.pt", {{"block-duration", block_ns}}),
          layers.front().channels_in,
          layers.back().channels_out,
          {{44100, 44100 * num / den}, {48000, 48000 * num / den}},
          [layers](const Signal& x, int, int) { return known_model(layers, x); },
          [count](int64_t n, int, int) { return count(n); }};
}

std::vector<Subject> subjects() {
  const KnownLayer up = {true, 1, 1, 5, 3, 1}, down = {false, 2, 2, 6, 4, 1};
  const std::vector<KnownLayer> rational = {{true, 1, 3, 5, 3, 1}, {false, 3, 2, 8, 2, 3}};
  const std::vector<KnownLayer> ahead = {{false, 1, 1, 33, 1, 16}};
  auto same = [](int64_t n) { return n; };
  auto quarter = [](int64_t n) { return n / 4; };
  auto three_halves = [](int64_t n) { return n * 3 / 2; };
  return {resampler(1, "0"),
          resampler(2, "5000000"),
          model("known_mix", {{false, 2, 3, 1, 1, 0}}, 1, 1, same),
          model("known_ahead", ahead, 1, 1, same),
          model("known_ahead", ahead, 1, 1, same, "1000000"),
          model("known_up", {up}, 3, 1, [](int64_t n) { return 3 * n; }),
          model("known_down", {down}, 1, 4, quarter),
          model("known_down", {down}, 1, 4, quarter, "700000"),
          model("known_rational", rational, 3, 2, three_halves),
          model("known_rational", rational, 3, 2, three_halves, "3000000")};
}

GstClockTime to_ns(int64_t frames, int hz) {
  return gst_util_uint64_scale_round(frames, GST_SECOND, hz);
}

/// What left an element and was not looked at yet.
class Departed {
 public:
  Departed(ElementRig* rig, double tolerance) : rig_(rig), tolerance_(tolerance) {}

  /// Frames before the next event of this type, or in all.
  int64_t frames_before(GstEventType type) {
    fetch();
    int64_t frames = 0;
    for (const Departure& next : items_) {
      if (next.item.event && GST_EVENT_TYPE(next.item.event.get()) == type) break;
      if (next.item.buffer) frames += frames_in(next);
    }
    return frames;
  }

  /// Frames `first` to `end` of `signal`, which starts at `start_ns`, in buffers of their own.
  void expect_frames(const Signal& signal, int64_t first, int64_t end, GstClockTime start_ns) {
    fetch();
    if (first < end) expect_sticky();
    while (first < end) {
      ASSERT_FALSE(items_.empty()) << "frames are missing from " << first << " on to " << end;
      ASSERT_TRUE(items_.front().item.buffer)
          << GST_EVENT_TYPE_NAME(items_.front().item.event.get()) << " overtakes frame " << first;
      const int64_t count = frames_in(items_.front());
      ASSERT_LE(first + count, end) << "a buffer goes beyond where an event belongs";
      expect_buffer(items_.front(), signal, first, start_ns);
      if (testing::Test::HasFatalFailure()) return;
      items_.erase(items_.begin());
      first += count;
    }
  }

  void expect_event(GstEventType type, guint32 seqnum) {
    if (type == GST_EVENT_TAG) sticky_ = {};
    if (type > GST_EVENT_TAG) expect_sticky();
    expect_next(type, seqnum);
  }

  /// A tag that a flush kept: it leaves with the next frames or later events, if no other one
  /// takes its place.
  void keep(guint32 seqnum) { sticky_ = seqnum; }

  void expect_nothing() {
    fetch();
    ASSERT_TRUE(items_.empty());
  }

  void drop_all() {
    fetch();
    items_.clear();
    sticky_ = {};
  }

 private:
  struct Departure {
    Item item;
    GstAudioInfo info;
  };

  void expect_sticky() {
    if (sticky_) expect_next(GST_EVENT_TAG, *std::exchange(sticky_, {}));
  }

  void expect_next(GstEventType type, guint32 seqnum) {
    fetch();
    ASSERT_FALSE(items_.empty()) << gst_event_type_get_name(type) << " is missing";
    GstEvent* event = items_.front().item.event.get();
    ASSERT_TRUE(event) << frames_before(type) << " frames too many before "
                       << gst_event_type_get_name(type);
    ASSERT_STREQ(GST_EVENT_TYPE_NAME(event), gst_event_type_get_name(type));
    ASSERT_EQ(gst_event_get_seqnum(event), seqnum);
    items_.erase(items_.begin());
  }

  void fetch() {
    for (Item& item : rig_->take()) {
      if (item.event && GST_EVENT_TYPE(item.event.get()) == GST_EVENT_CAPS)
        take_caps(item.event.get());
      else
        items_.push_back({std::move(item), info_});
    }
  }

  void take_caps(GstEvent* event) {
    GstCaps* caps;
    gst_event_parse_caps(event, &caps);
    gst_audio_info_from_caps(&info_, caps);
  }

  static int64_t frames_in(const Departure& next) {
    return gst_buffer_get_size(next.item.buffer.get()) / GST_AUDIO_INFO_BPF(&next.info);
  }

  void expect_buffer(const Departure& next, const Signal& signal, int64_t first,
                     GstClockTime start_ns) {
    GstBuffer* buffer = next.item.buffer.get();
    const std::vector<float> values = floats(read_frames(next.info, buffer));
    const int channels = GST_AUDIO_INFO_CHANNELS(&next.info), hz = GST_AUDIO_INFO_RATE(&next.info);
    const int64_t end = first + frames_in(next);
    ASSERT_EQ(static_cast<size_t>(channels), signal.size());
    double scale = 0;
    for (const auto& channel : signal)
      for (const double value : channel) scale = std::max(scale, std::abs(value));
    for (int64_t t = first; t < end; ++t)
      for (int c = 0; c < channels; ++c)
        ASSERT_NEAR(values[(t - first) * channels + c], signal[c][t], tolerance_ * scale)
            << "frame " << t;
    const bool is_timed = GST_CLOCK_TIME_IS_VALID(start_ns);
    ASSERT_EQ(GST_BUFFER_PTS(buffer), is_timed ? start_ns + to_ns(first, hz) : start_ns);
    ASSERT_EQ(GST_BUFFER_DURATION(buffer), to_ns(end, hz) - to_ns(first, hz));
    ASSERT_EQ(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT), first == 0);
  }

  ElementRig* rig_;
  double tolerance_;
  std::optional<guint32> sticky_;
  std::vector<Departure> items_;
  GstAudioInfo info_ = {};
};

/// Sends to an element and follows what must come of it.
class Sequence {
 public:
  Sequence(const Subject& subject, unsigned seed)
      : subject_(subject),
        rig_(subject.factory, subject.settings),
        departed_(&rig_, subject.tolerance),
        random_(seed) {
    begin();
  }

  void run(int actions) {
    repeat(actions, [&] { act(one_of(20)); });
    finish();
  }

  /// As an application that seeks all the time.
  void storm(int flushes) {
    repeat(flushes, [&] {
      repeat(one_of(4), [&] { act(one_of(11)); });
      flush();
    });
    finish();
  }

  void cycle(int cycles) {
    repeat(cycles, [&] {
      repeat(one_of(4), [&] { act(one_of(11)); });
      restart(one_of(4) == 0 ? GST_STATE_NULL : GST_STATE_READY);
    });
    finish();
  }

  uint64_t signals() const { return signals_; }

 private:
  struct Held {
    int64_t frame;  // of the output
    GstEventType type;
    guint32 seqnum;
  };

  int one_of(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  static void repeat(int times, const std::function<void()>& action) {
    for (int i = 0; i < times && !testing::Test::HasFatalFailure(); ++i) action();
  }

  void act(int action) {
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

  /// Another stream each time: the tags of one that goes on would be sent again by GStreamer 1.26,
  /// and would be dropped by 1.22.
  void begin() {
    in_ = Signal(subject_.channels_in);
    departed_.drop_all();
    ++streams_;
    send_ending(stream_start());
    send_caps();
    new_segment();
  }

  GstEvent* stream_start() const {
    return gst_event_new_stream_start(std::to_string(streams_).c_str());
  }

  void send_caps() {
    std::tie(in_hz_, out_hz_) = subject_.rates_hz[one_of(subject_.rates_hz.size())];
    const std::string out = "audio/x-raw,rate=" + std::to_string(out_hz_);
    gst_harness_set_sink_caps_str(rig_.harness, out.c_str());
    rig_.send_caps(audio(subject_.channels_in, in_hz_));
    memory_frames_ = rig_.stat("receptive-field-frames");
    latency_ns_ = rig_.latency_ns();
  }

  // ---- what ends a signal

  /// All frames of the signal, and the events among them, are to have left.
  void end_signal() {
    const int64_t frames = frames_of(in_);
    if (frames == 0) return;
    const Signal out = subject_.offline(in_, in_hz_, out_hz_);
    ASSERT_EQ(frames_of(out), subject_.count_out(frames, in_hz_, out_hz_));
    expect_up_to(out, frames_of(out));
    for (const Held& held : std::exchange(held_, {}))
      departed_.expect_event(held.type, held.seqnum);
    start_ns_ = due_ns();
    in_ = Signal(subject_.channels_in);
    ++signals_;
  }

  /// The first `end` frames of the signal, and the events that belong before the one after them.
  void expect_up_to(const Signal& out, int64_t end) {
    int64_t first = 0;
    while (!held_.empty() && held_.front().frame <= end) {
      departed_.expect_frames(out, first, held_.front().frame, start_ns_);
      departed_.expect_event(held_.front().type, held_.front().seqnum);
      if (testing::Test::HasFatalFailure()) return;
      first = held_.front().frame;
      held_.erase(held_.begin());
    }
    departed_.expect_frames(out, first, end, start_ns_);
  }

  /// The signal is given up: what left is its beginning, and is as long as the latency allows.
  void give_up_signal() {
    const int64_t frames = frames_of(in_);
    if (frames > 0) {
      const Signal out = subject_.offline(in_, in_hz_, out_hz_);
      const int64_t left = departed_.frames_before(GST_EVENT_FLUSH_START);
      const double late_frames = static_cast<double>(latency_ns_) * in_hz_ / GST_SECOND;
      ASSERT_GE(left, std::floor((frames - 1 - late_frames) * out_hz_ / in_hz_ + 1 - 1e-6));
      ASSERT_LE(left, frames_of(out));
      expect_up_to(out, left);
      ++signals_;
    }
    in_ = Signal(subject_.channels_in);
    start_ns_ = GST_CLOCK_TIME_NONE;
  }

  void send_ending(GstEvent* event) {
    const GstEventType type = GST_EVENT_TYPE(event);
    const guint32 seqnum = gst_event_get_seqnum(event);
    rig_.send(event);
    end_signal();
    if (!testing::Test::HasFatalFailure()) departed_.expect_event(type, seqnum);
  }

  void change_caps() {
    const int old_in_hz = in_hz_, old_out_hz = out_hz_;
    send_caps();
    const int in_hz = std::exchange(in_hz_, old_in_hz), out_hz = std::exchange(out_hz_, old_out_hz);
    if (in_hz != old_in_hz) end_signal();
    in_hz_ = in_hz;
    out_hz_ = out_hz;
  }

  void end_stream() {
    send_ending(gst_event_new_eos());
    if (testing::Test::HasFatalFailure()) return;
    send_ending(stream_start());
    new_segment();
  }

  void new_segment() {
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

  void flush() {
    GstEvent *start = gst_event_new_flush_start(), *stop = gst_event_new_flush_stop(TRUE);
    const guint32 start_seqnum = gst_event_get_seqnum(start);
    const guint32 stop_seqnum = gst_event_get_seqnum(stop);
    rig_.send(start);
    rig_.send(stop);
    give_up_signal();
    if (testing::Test::HasFatalFailure()) return;
    departed_.expect_event(GST_EVENT_FLUSH_START, start_seqnum);
    departed_.expect_event(GST_EVENT_FLUSH_STOP, stop_seqnum);
    for (const Held& held : std::exchange(held_, {}))
      if (held.type == GST_EVENT_TAG) departed_.keep(held.seqnum);
    new_segment();
  }

  void restart(GstState low) {
    gst_element_set_state(rig_.element, low);
    ASSERT_EQ(gst_element_set_state(rig_.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    give_up_signal();
    if (!testing::Test::HasFatalFailure()) departed_.expect_nothing();
    held_.clear();
    begin();
  }

  void finish() {
    if (testing::Test::HasFatalFailure()) return;
    send_ending(gst_event_new_eos());
    departed_.expect_nothing();
    EXPECT_EQ(first_text(rig_.take_errors()), "");
  }

  // ---- what goes on with it

  GstClockTime due_ns() const {
    if (!GST_CLOCK_TIME_IS_VALID(start_ns_)) return GST_CLOCK_TIME_NONE;
    return start_ns_ + to_ns(frames_of(in_), in_hz_);
  }

  bool goes_on_at(GstClockTime pts) const {
    if (frames_of(in_) == 0 || !GST_CLOCK_TIME_IS_VALID(pts)) return true;
    if (!GST_CLOCK_TIME_IS_VALID(due_ns())) return false;
    const GstClockTime tolerance = segment_.rate < 0 ? GST_SECOND / 2 / in_hz_ : 40 * GST_MSECOND;
    return static_cast<GstClockTime>(std::abs(GST_CLOCK_DIFF(pts, due_ns()))) <= tolerance;
  }

  GstClockTime choose_pts(int64_t frames) {
    const GstClockTime due = due_ns();
    if (!GST_CLOCK_TIME_IS_VALID(due)) return one_of(5) == 0 ? due : first_ns_;
    const GstClockTime before = start_ns_ - to_ns(frames, in_hz_);
    if (segment_.rate < 0 && before < start_ns_ && one_of(2) == 0) return before;
    switch (one_of(12)) {
      case 0:
        return due + GST_SECOND;
      case 1:
        return GST_CLOCK_TIME_NONE;
      case 2:
        return due + one_of(40) * GST_MSECOND;
      case 3:
        return due - std::min<GstClockTime>(due, one_of(45) * GST_MSECOND);
      default:
        return due;
    }
  }

  void push() {
    const int64_t frames = one_of(6) == 0 ? one_of(700) : one_of(60);
    const GstClockTime pts = choose_pts(frames);
    const GstAudioInfo info = make_info(audio(subject_.channels_in, in_hz_));
    Bytes bytes = make_noise(info, frames, random_());
    BufferPtr buffer = make_buffer(info, bytes, pts);
    const bool is_flagged = one_of(12) == 0, is_gap = one_of(8) == 0;
    if (is_flagged)
      GST_BUFFER_FLAG_SET(buffer.get(),
                          one_of(2) ? GST_BUFFER_FLAG_DISCONT : GST_BUFFER_FLAG_RESYNC);
    if (is_gap) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_GAP);
    ASSERT_EQ(rig_.push(std::move(buffer)), GST_FLOW_OK);
    if (is_flagged || !goes_on_at(pts)) end_signal();
    if (is_gap) bytes.assign(bytes.size(), 0);
    if (!testing::Test::HasFatalFailure()) arrive(floats(bytes), frames, pts);
  }

  /// As gst_audio_buffer_clip() clips: to whole frames, rounded to what is longer.
  void arrive(const std::vector<float>& samples, int64_t frames, GstClockTime pts) {
    if (!GST_CLOCK_TIME_IS_VALID(pts)) pts = due_ns();
    int64_t first = 0, end = frames;
    if (GST_CLOCK_TIME_IS_VALID(pts) && frames > 0) {
      const GstClockTime end_ns = pts + to_ns(frames, in_hz_);
      if (end_ns <= segment_.start || pts >= segment_.stop) {
        end_signal();
        start_ns_ = end_ns;
        return;
      }
      if (pts < segment_.start) first = (segment_.start - pts) * in_hz_ / GST_SECOND;
      if (end_ns > segment_.stop) end -= (end_ns - segment_.stop) * in_hz_ / GST_SECOND;
      pts = std::max(pts, segment_.start);
    }
    if (frames_of(in_) == 0 && GST_CLOCK_TIME_IS_VALID(pts)) start_ns_ = pts;
    for (int64_t t = first; t < end; ++t)
      for (size_t c = 0; c < in_.size(); ++c) in_[c].push_back(samples[t * in_.size() + c]);
  }

  void send_held(GstEventType type) {
    GstEvent* event = type == GST_EVENT_TAG
                          ? gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "title", nullptr))
                          : gst_event_new_custom(type, gst_structure_new_empty("custom"));
    const guint32 seqnum = gst_event_get_seqnum(event);
    rig_.send(event);
    const int64_t frames = frames_of(in_);
    if (frames == 0)
      departed_.expect_event(type, seqnum);
    else
      held_.push_back({(frames * out_hz_ + in_hz_ - 1) / in_hz_, type, seqnum});
  }

  void send_gap() {
    const GstClockTime pts = GST_CLOCK_TIME_IS_VALID(due_ns()) ? due_ns() : first_ns_;
    const GstClockTime duration =
        one_of(6) == 0 ? GST_CLOCK_TIME_NONE : one_of(20) * one_of(4) * 100 * GST_USECOND;
    GstEvent* event = gst_event_new_gap(pts, duration);
    const guint32 seqnum = gst_event_get_seqnum(event);
    rig_.send(event);
    if (GST_CLOCK_TIME_IS_VALID(duration) && fills(pts, duration)) return;
    end_signal();
    if (testing::Test::HasFatalFailure()) return;
    departed_.expect_event(GST_EVENT_GAP, seqnum);
    start_ns_ = GST_CLOCK_TIME_IS_VALID(duration) ? pts + duration : pts;
  }

  bool fills(GstClockTime pts, GstClockTime duration) {
    if (frames_of(in_) == 0 || segment_.rate < 0 || !goes_on_at(pts)) return false;
    const GstClockTime end_ns = std::min(pts + duration, segment_.stop);
    const int64_t all_frames = gst_util_uint64_scale_round(end_ns - start_ns_, in_hz_, GST_SECOND);
    if (all_frames - frames_of(in_) >= memory_frames_) return false;
    for (auto& channel : in_) channel.resize(std::max<int64_t>(frames_of(in_), all_frames));
    return true;
  }

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

class Sequences : public testing::TestWithParam<Subject> {};

TEST_P(Sequences, FramesTimesAndEventsAreThoseOfTheReference) {
  uint64_t signals = 0;
  for (unsigned seed = 1; seed <= 30 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Sequence sequence(GetParam(), seed);
    sequence.run(60);
    signals += sequence.signals();
  }
  EXPECT_GT(signals, 100u) << "hardly anything was tested";
}

TEST_P(Sequences, SurviveAStormOfSeeks) {
  Sequence sequence(GetParam(), 1);
  sequence.storm(1000);
  EXPECT_GT(sequence.signals(), 500u) << "hardly anything was tested";
}

TEST_P(Sequences, SurviveManyStateCycles) {
  Sequence sequence(GetParam(), 2);
  sequence.cycle(200);
  EXPECT_GT(sequence.signals(), 100u) << "hardly anything was tested";
}

INSTANTIATE_TEST_SUITE_P(Elements, Sequences, testing::ValuesIn(subjects()));

}  // namespace
}  // namespace torchstreamer::test
