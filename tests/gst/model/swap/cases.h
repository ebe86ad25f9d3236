// Helpers of the tests of swaps. The reference is the saved offline output of both models:
//
//     input     input of the old model, 1201 frames | input of the new model, 1201 frames
//     output    output of the old model             | output of the new model
#pragma once

#include <gtest/gtest.h>

#include "gst/support/listener.h"
#include "gst/support/model_rig.h"

namespace torchstreamer::test {

struct Swap {
  const char *from, *to;
  bool changes_caps;
};

constexpr Swap kSwaps[] = {{"same3.script.pt", "down2.script.pt", true},
                           {"down2.script.pt", "up3.script.pt", true},
                           {"up3.script.pt", "same3.trace.pt", true},
                           {"same3.script.pt", "blocks.script.pt", false}};

constexpr GstClockTime kStart = GST_SECOND;

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Output before the PTS of the swap, and from that PTS on.
struct Halves {
  Bytes before, after;
  std::vector<GstClockTime> signals;  // PTS of the first buffer of each signal
  std::vector<BufferPtr> buffers;
  int caps = 0;
};

inline Halves halves(ElementRig* rig, GstClockTime swap_pts) {
  Halves found;
  GstAudioInfo info = {};
  for (Item& item : rig->take()) {
    if (item.event && GST_EVENT_TYPE(item.event.get()) == GST_EVENT_CAPS) {
      GstCaps* caps;
      gst_event_parse_caps(item.event.get(), &caps);
      gst_audio_info_from_caps(&info, caps);
      ++found.caps;
    }
    if (!item.buffer) continue;
    const GstClockTime pts = GST_BUFFER_PTS(item.buffer.get());
    if (has_flag(item.buffer, GST_BUFFER_FLAG_DISCONT)) found.signals.push_back(pts);
    Bytes& half = pts < swap_pts ? found.before : found.after;
    half = half + read_frames(info, item.buffer.get());
    found.buffers.push_back(std::move(item.buffer));
  }
  return found;
}

inline void expect_swap(ElementRig* rig, const Swap& swap) {
  const GstClockTime swap_pts = kStart + time_of(kFixtureFrames);
  const Halves found = halves(rig, swap_pts);
  expect_close(found.before, fixture(swap.from));
  expect_close(found.after, fixture(swap.to));
  EXPECT_EQ(found.signals, (std::vector<GstClockTime>{kStart, swap_pts}));
  EXPECT_EQ(found.caps, swap.changes_caps ? 2 : 1);
  EXPECT_EQ(first_text(rig->take_errors()), "");
  EXPECT_EQ(first_text(rig->take_errors(GST_MESSAGE_WARNING)), "");
}

/// Pushes the input of a fixture, beginning at frame `first_frame` of the stream.
inline void push_fixture(ElementRig* rig, const char* file, int64_t first_frame) {
  EXPECT_EQ(
      rig->push_all(make_info(audio(1)), fixture(file).in, 100, kStart + time_of(first_frame)),
      GST_FLOW_OK);
}

/// Requests `file` with this swap time and waits until it is loaded.
inline void ask_for(ElementRig* rig, Listener& listener, const char* file, GstClockTime swap_time) {
  rig->set("swap-time", std::to_string(swap_time));
  rig->set("location", model_path(file));
  ASSERT_TRUE(listener.wait_for("progress complete"));
}

}  // namespace torchstreamer::test
