#include "blocks/windows.h"

#include <algorithm>

namespace torchstreamer::blocks {
namespace {

// Returns the number of frames that are in no complete window.
int64_t new_frames(const Windows& w, int64_t frames) {
  const int64_t complete = w.complete(frames);
  if (complete == 0) return frames;
  return frames - ((complete - 1) * w.hop_frames + w.window_frames);
}

int64_t frames_out_of_last(const Windows& w, int64_t frames, const LengthRule& short_frames_out) {
  const int64_t last_frames = w.last_frames(frames);
  if (last_frames == 0) return 0;
  return w.tail == Tail::kShort ? short_frames_out(last_frames) : w.padded_frames_out(frames);
}

}  // namespace

int64_t Windows::complete(int64_t frames) const {
  return frames < window_frames ? 0 : (frames - window_frames) / hop_frames + 1;
}

int64_t Windows::last_frames(int64_t frames) const {
  if (tail == Tail::kDrop || new_frames(*this, frames) == 0) return 0;
  return frames - complete(frames) * hop_frames;
}

int64_t Windows::padded_frames_out(int64_t frames) const {
  const int64_t kept = std::min(new_frames(*this, frames), hop_frames);
  return ceil_div(kept * frames_out, hop_frames);
}

Timing timing_of(const Windows& windows, const LengthRule& short_frames_out) {
  const auto count = [=](const Count& in) {
    const int64_t now = windows.complete(in.now) * windows.frames_out;
    const int64_t complete = windows.complete(in.total) * windows.frames_out;
    return Count{now, complete, in.source};
  };
  const auto depends = [=](Span out) {
    const int64_t first = floor_div(out.first, windows.frames_out) * windows.hop_frames;
    const int64_t last = floor_div(out.last, windows.frames_out) * windows.hop_frames;
    return Span{first, last + windows.window_frames - 1};
  };
  const Rational rate(windows.frames_out, windows.hop_frames);
  return Timing(rate, windows.frames_out, count, depends).with_totals([=](int64_t frames) {
    return windows.complete(frames) * windows.frames_out +
           frames_out_of_last(windows, frames, short_frames_out);
  });
}

}  // namespace torchstreamer::blocks
