// Loops without flushes. With new-segment=continue, all passes are one signal: its output equals
// that of the element and of the reference in double for the joined passes.
#include <gtest/gtest.h>

#include <cmath>

#include "gst/elements/subject.h"
#include "gst/support/listener.h"

namespace torchstreamer::test {
namespace {

constexpr GstClockTime kStart = GST_SECOND;  // start of the segment of every pass

Bytes joined(Bytes frames, const Bytes& more) {
  frames.insert(frames.end(), more.begin(), more.end());
  return frames;
}

Bytes repeated(const Bytes& frames, int times) {
  Bytes all;
  for (int i = 0; i < times; ++i) all = joined(all, frames);
  return all;
}

/// Splits the frames of `info` into channels.
Signal signal_of(const GstAudioInfo& info, const Bytes& frames) {
  const std::vector<float> samples = floats(frames);
  Signal signal(info.channels);
  for (size_t i = 0; i < samples.size(); ++i) signal[i % info.channels].push_back(samples[i]);
  return signal;
}

/// An element in a loop, as a source without flushes drives it.
class Loop {
 public:
  Loop(const Subject& subject, std::pair<int, int> rates_hz, const char* new_segment = "continue")
      : info(make_info(audio(subject.channels_in, rates_hz.first))),
        rig(subject.factory, subject.settings) {
    rig.set("new-segment", new_segment);
    rig.start(audio(subject.channels_in, rates_hz.first),
              "audio/x-raw,rate=" + std::to_string(rates_hz.second));
    rig.take();
    gst_segment_init(&segment_, GST_FORMAT_TIME);
  }

  /// Starts a pass of `frames` frames. Its running time continues after `pause_ns`.
  void begin(int64_t frames, GstClockTime pause_ns = 0) {
    segment_.base += pause_ns;
    segment_.start = segment_.time = kStart;
    segment_.stop = kStart + to_ns(frames, info.rate);
    rig.send(gst_event_new_segment(&segment_));
  }

  /// Pushes buffers; the first one is flagged as discontinuous, as sources do.
  void push(const Bytes& frames, int64_t frames_per_buffer, GstClockTime pts = kStart) {
    const int64_t count = frames.size() / info.bpf, first = std::min(frames_per_buffer, count);
    BufferPtr buffer = make_buffer(info, slice(info, frames, 0, first), pts);
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    EXPECT_EQ(rig.push(std::move(buffer)), GST_FLOW_OK);
    EXPECT_EQ(rig.push_all(info, slice(info, frames, first, count - first), frames_per_buffer,
                           pts + to_ns(first, info.rate)),
              GST_FLOW_OK);
  }

  void end() {
    rig.send(gst_event_new_segment_done(GST_FORMAT_TIME, segment_.stop));
    segment_.base += segment_.stop - segment_.start;
  }

  void pass(const Bytes& frames, int64_t frames_per_buffer) {
    begin(frames.size() / info.bpf);
    push(frames, frames_per_buffer);
    end();
  }

  void flush() {
    rig.send(gst_event_new_flush_start());
    rig.send(gst_event_new_flush_stop(TRUE));
    segment_.base = 0;
  }

  const GstAudioInfo info;
  ElementRig rig;

 private:
  GstSegment segment_;
};

/// Output since the last call.
struct Played {
  explicit Played(Loop* loop) {
    const GstAudioInfo out = loop->rig.out_info();
    GstSegment segment;
    for (const Item& item : loop->rig.take()) {
      if (item.buffer) {
        add(out, item.buffer.get(), segment);
      } else if (GST_EVENT_TYPE(item.event.get()) == GST_EVENT_SEGMENT) {
        gst_event_copy_segment(item.event.get(), &segment);
      } else if (GST_EVENT_TYPE(item.event.get()) == GST_EVENT_SEGMENT_DONE) {
        segment_ends.push_back(frames.size() / out.bpf);
      }
    }
  }

  Bytes frames;
  std::vector<int64_t> segment_ends;  // number of frames before each SEGMENT_DONE
  int signals = 0;                    // number of discontinuous buffers
  gint64 largest_gap_ns = 0;          // of the running time, or overlap

 private:
  static gint64 running_time(const GstSegment& segment, GstClockTime pts) {
    guint64 time;
    const int sign = gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, pts, &time);
    return sign * static_cast<gint64>(time);
  }

  void add(const GstAudioInfo& out, GstBuffer* buffer, const GstSegment& segment) {
    const GstClockTime pts = GST_BUFFER_PTS(buffer);
    if (!frames.empty())
      largest_gap_ns = std::max(largest_gap_ns, std::abs(running_time(segment, pts) - end_ns_));
    end_ns_ = running_time(segment, pts + GST_BUFFER_DURATION(buffer));
    signals += GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    const Bytes more = read_frames(out, buffer);
    frames.insert(frames.end(), more.begin(), more.end());
  }

  gint64 end_ns_ = 0;
};

/// Output for one signal in one segment.
Bytes one_signal(const Subject& subject, std::pair<int, int> rates_hz, const Bytes& frames) {
  Loop loop(subject, rates_hz);
  loop.begin(frames.size() / loop.info.bpf);
  loop.push(frames, frames.size());
  loop.rig.send_eos();
  return Played(&loop).frames;
}

void expect_offline(const Subject& subject, std::pair<int, int> rates_hz, const Bytes& in,
                    const Bytes& out) {
  const auto [in_hz, out_hz] = rates_hz;
  const Signal expected =
      subject.offline(signal_of(make_info(audio(subject.channels_in, in_hz)), in), in_hz, out_hz);
  const Signal actual = signal_of(make_info(audio(subject.channels_out, out_hz)), out);
  ASSERT_EQ(frames_of(actual), frames_of(expected));
  for (size_t c = 0; c < actual.size(); ++c)
    for (size_t t = 0; t < actual[c].size(); ++t)
      ASSERT_NEAR(actual[c][t], expected[c][t], 4 * subject.tolerance) << "frame " << t;
}

class Loops : public testing::TestWithParam<Subject> {
 protected:
  /// Plays `passes` passes of `frames` frames, then EOS.
  static void expect_one_signal(std::pair<int, int> rates_hz, int64_t frames, int passes,
                                int64_t frames_per_buffer, gint64 largest_gap_ns) {
    const auto [in_hz, out_hz] = rates_hz;
    SCOPED_TRACE(testing::Message() << in_hz << " to " << out_hz << ", " << passes << " passes of "
                                    << frames << " frames");
    Loop loop(GetParam(), rates_hz);
    const Bytes noise = make_noise(loop.info, frames, 1), all = repeated(noise, passes);
    for (int i = 0; i < passes; ++i) loop.pass(noise, frames_per_buffer);
    EXPECT_EQ(loop.rig.stat("resets"), 0u);
    loop.rig.send_eos();
    EXPECT_EQ(loop.rig.stat("resets"), 1u);
    const Played played(&loop);
    EXPECT_TRUE(played.frames == one_signal(GetParam(), rates_hz, all));
    expect_offline(GetParam(), rates_hz, all, played.frames);
    EXPECT_EQ(played.signals, 1);
    EXPECT_LE(played.largest_gap_ns, largest_gap_ns);
    const int64_t frames_out = GetParam().count_out(passes * frames, in_hz, out_hz);
    std::vector<int64_t> ends;
    for (int64_t i = 1; i <= passes; ++i)
      ends.push_back(std::min((i * frames * out_hz + in_hz - 1) / in_hz, frames_out));
    EXPECT_EQ(played.segment_ends, ends);
  }
};

TEST_P(Loops, AreOneSignal) {
  for (const auto& rates_hz : GetParam().rates_hz)
    for (const int64_t frames_per_buffer : {100, 1777})
      expect_one_signal(rates_hz, rates_hz.first / 5, 3, frames_per_buffer, 0);
}

// The segments are shorter than the look-ahead and the blocks, and not whole nanoseconds.
TEST_P(Loops, MayBeShort) {
  for (const auto& rates_hz : GetParam().rates_hz)
    for (const int64_t frames : {3, 37}) expect_one_signal(rates_hz, frames, 50, 20, 1);
}

TEST_P(Loops, AreDrainedByDefault) {
  for (const auto& rates_hz : GetParam().rates_hz) {
    Loop loop(GetParam(), rates_hz, "drain");
    const Bytes noise = make_noise(loop.info, rates_hz.first / 5, 1);
    for (int i = 0; i < 3; ++i) loop.pass(noise, 1000);
    const Played played(&loop);
    EXPECT_EQ(played.signals, 3);
    EXPECT_TRUE(played.frames == repeated(one_signal(GetParam(), rates_hz, noise), 3));
  }
}

TEST_P(Loops, StartAgainAfterAFlush) {
  const auto rates_hz = GetParam().rates_hz[0];
  Loop loop(GetParam(), rates_hz);
  const Bytes noise = make_noise(loop.info, 4410, 1);
  for (int i = 0; i < 3; ++i) loop.pass(noise, 1000);
  loop.flush();
  loop.rig.take();
  loop.pass(noise, 1000);
  loop.pass(noise, 1000);
  loop.rig.send_eos();
  const Played played(&loop);
  EXPECT_EQ(played.segment_ends.size(), 2u);
  EXPECT_EQ(played.signals, 1);
  EXPECT_TRUE(played.frames == one_signal(GetParam(), rates_hz, repeated(noise, 2)));
}

TEST_P(Loops, EndIfTheRunningTimeJumps) {
  const auto rates_hz = GetParam().rates_hz[0];
  Loop loop(GetParam(), rates_hz);
  const Bytes noise = make_noise(loop.info, 4410, 1);
  loop.pass(noise, 1000);
  loop.begin(4410, GST_SECOND);
  loop.push(noise, 1000);
  loop.rig.send_eos();
  const Played played(&loop);
  EXPECT_EQ(played.signals, 2);
  EXPECT_TRUE(played.frames == repeated(one_signal(GetParam(), rates_hz, noise), 2));
}

// Demuxers may push whole packets around the segment.
TEST_P(Loops, AreClipped) {
  const auto rates_hz = GetParam().rates_hz[0];
  Loop loop(GetParam(), rates_hz);
  const int64_t before = 9261, frames = 4410;  // 210 ms, 100 ms
  const Bytes noise = make_noise(loop.info, before + frames + before, 1);
  for (int i = 0; i < 3; ++i) {
    loop.begin(frames);
    loop.push(noise, 882, kStart - 210 * GST_MSECOND);
    loop.end();
  }
  loop.rig.send_eos();
  const Bytes inside = slice(loop.info, noise, before, frames);
  EXPECT_TRUE(Played(&loop).frames == one_signal(GetParam(), rates_hz, repeated(inside, 3)));
}

TEST_P(Loops, ReportThePositionOfTheOutput) {
  const auto rates_hz = GetParam().rates_hz[0];
  Loop loop(GetParam(), rates_hz);
  const Bytes noise = make_noise(loop.info, 4410, 1);
  for (int i = 0; i < 3; ++i) {
    loop.pass(noise, 1000);
    gint64 position = -1;
    EXPECT_TRUE(gst_element_query_position(loop.rig.element, GST_FORMAT_TIME, &position));
    EXPECT_NEAR(position, kStart + to_ns(4410, loop.info.rate), 10 * GST_MSECOND);
  }
}

// A swap inside of a pass ends the signal there; the loop continues with the new model.
TEST(LoopsOfModels, MaySwapWithADrain) {
  const auto same = [](int64_t frames) { return frames; };
  const Subject from = model("same3", {{false, 1, 1, 3, 1, 1}}, 1, 1, same);
  const Subject to = model("blocks", {{false, 1, 1, 3, 1, 1}}, 1, 1, same);
  const std::pair<int, int> rates_hz = {kRateHz, kRateHz};
  Loop loop(from, rates_hz);
  loop.rig.set("swap", "drain");
  Listener listener(loop.rig.element);
  const int64_t frames = 4410, first = 2000;
  const Bytes noise = make_noise(loop.info, frames, 1);
  const Bytes before = slice(loop.info, noise, 0, first);
  const Bytes after = slice(loop.info, noise, first, frames - first);
  loop.pass(noise, 1000);
  loop.begin(frames);
  loop.push(before, 1000);
  loop.rig.set("location", model_path("blocks.script.pt"));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  loop.rig.push_all(loop.info, after, 1000, kStart + to_ns(first, kRateHz));
  loop.end();
  loop.pass(noise, 1000);
  loop.rig.send_eos();
  const Played played(&loop);
  EXPECT_TRUE(played.frames == joined(one_signal(from, rates_hz, joined(noise, before)),
                                      one_signal(to, rates_hz, joined(after, noise))));
  EXPECT_EQ(played.signals, 2);
  EXPECT_EQ(played.largest_gap_ns, 0);
  EXPECT_EQ(played.segment_ends.size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(Elements, Loops, testing::ValuesIn(subjects()));

}  // namespace
}  // namespace torchstreamer::test
