// The output of an element, compared with the reference.
#pragma once

#include <gtest/gtest.h>
#include <cmath>
#include <optional>

#include "gst/elements/subject.h"

namespace torchstreamer::test {

/// Output of an element that has not been compared yet.
class ElementOutput {
 public:
  ElementOutput(ElementRig* rig, double tolerance) : rig_(rig), tolerance_(tolerance) {}

  /// Number of frames before the next event of this type; all frames if there is no such event.
  int64_t frames_before(GstEventType type) {
    fetch();
    int64_t frames = 0;
    for (const Entry& next : items_) {
      if (next.item.event && GST_EVENT_TYPE(next.item.event.get()) == type) break;
      if (next.item.buffer) frames += frames_in(next);
    }
    return frames;
  }

  /// Expects whole buffers with the frames `first` to `end` of `signal`, which starts at
  /// `start_ns`.
  void expect_frames(const Signal& signal, int64_t first, int64_t end, GstClockTime start_ns) {
    fetch();
    if (first < end) expect_sticky();
    while (first < end) {
      ASSERT_FALSE(items_.empty()) << "frames " << first << " to " << end << " are missing";
      ASSERT_TRUE(items_.front().item.buffer)
          << GST_EVENT_TYPE_NAME(items_.front().item.event.get()) << " comes before frame "
          << first;
      const int64_t count = frames_in(items_.front());
      ASSERT_LE(first + count, end) << "a buffer has frames that belong after an event";
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

  /// Expects a tag that a flush kept: it is pushed before the next frames or later events, unless a
  /// new tag replaces it.
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
  struct Entry {
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

  static int64_t frames_in(const Entry& next) {
    return gst_buffer_get_size(next.item.buffer.get()) / GST_AUDIO_INFO_BPF(&next.info);
  }

  void expect_buffer(const Entry& next, const Signal& signal, int64_t first,
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
  std::vector<Entry> items_;
  GstAudioInfo info_ = {};
};

}  // namespace torchstreamer::test
