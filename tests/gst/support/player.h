// Plays pipelines to the end, with an element of the project and with the stock one in its place.
#pragma once

#include <functional>
#include <string>

#include "gst/support/element_rig.h"

namespace torchstreamer::test {

std::string text_of(const CapsPtr& caps);

/// What reached a sink.
struct Reached {
  bool is_eos = false;
  std::string error, caps;
  int64_t frames = 0;
  GstClockTime first_ns = GST_CLOCK_TIME_NONE, end_ns = GST_CLOCK_TIME_NONE;
};

Reached play(GstElement* pipeline, GstElement* end);
/// The sink is the one that is named "end".
Reached play(const std::string& launch);

/// What plays one second comes to `exact_frames` with tsresample, and to the same as with
/// audioresample but for what that drops.
void expect_alike(const std::function<Reached(const std::string& element)>& play_with,
                  int64_t exact_frames);

}  // namespace torchstreamer::test
