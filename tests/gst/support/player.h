// Plays pipelines to the end, with tsresample or with audioresample.
#pragma once

#include <functional>
#include <string>

#include "gst/support/element_rig.h"

namespace torchstreamer::test {

std::string text_of(const CapsPtr& caps);

/// Audio that reached a sink, or the error.
struct Reached {
  bool is_eos = false;
  std::string error, caps;
  int64_t frames = 0;
  GstClockTime first_ns = GST_CLOCK_TIME_NONE, end_ns = GST_CLOCK_TIME_NONE;
};

Reached play(GstElement* pipeline, GstElement* end);
/// Uses the sink with the name "end".
Reached play(const std::string& launch);

/// Plays one second with tsresample and expects `exact_frames` frames, and with audioresample,
/// which may drop some frames. Expects the same caps.
void expect_alike(const std::function<Reached(const std::string& element)>& play_with,
                  int64_t exact_frames);

}  // namespace torchstreamer::test
