#include "base/block_queue.h"

#include <algorithm>
#include <numeric>

namespace torchstreamer {
namespace {

/// As far as the search in Timing goes.
constexpr int64_t kLongestPeriodFrames = 1 << 17;

}  // namespace

BlockQueue::BlockQueue(const GstAudioInfo& info, int64_t block_frames)
    : block_frames_(block_frames),
      frame_bytes_(GST_AUDIO_INFO_BPF(&info) / plane_count(info)),
      bytes_(plane_count(info)),
      planes_(plane_count(info)) {}

BlockQueue::Frames BlockQueue::pass(const Planes& arrived, bool final) {
  drop_passed();
  if (frames_ == 0 && (final || arrived.frames() % block_frames_ == 0))
    return {arrived.data(), arrived.frames()};
  append(arrived);
  passed_frames_ = final ? frames_ : frames_ - frames_ % block_frames_;
  for (size_t p = 0; p < bytes_.size(); ++p) planes_[p] = bytes_[p].data();
  return {planes_.data(), passed_frames_};
}

// Whatever is there: where memory lacked, some planes may have more than others.
void BlockQueue::clear() {
  for (auto& plane : bytes_) plane.clear();
  frames_ = passed_frames_ = 0;
}

void BlockQueue::append(const Planes& arrived) {
  if (arrived.frames() == 0) return;
  for (size_t p = 0; p < bytes_.size(); ++p) {
    const auto* first = static_cast<const uint8_t*>(arrived.data()[p]);
    bytes_[p].insert(bytes_[p].end(), first, first + arrived.frames() * frame_bytes_);
  }
  frames_ += arrived.frames();
}

void BlockQueue::drop_passed() {
  for (auto& plane : bytes_)
    plane.erase(plane.begin(), plane.begin() + passed_frames_ * frame_bytes_);
  frames_ -= passed_frames_;
  passed_frames_ = 0;
}

// Output frame t, which needs input frame d(t), leaves with the last frame of the block that d(t)
// is in: block_frames - 1 - d(t) % block_frames frames after d(t). Where the pattern of d repeats,
// a period later, d is shifted by a whole number of frames, and so is its place in the block: over
// all repetitions it comes down to the remainder of d by the greatest divisor that both numbers
// share. The very first output cannot leave before the first block is full.
Rational latency_frames(const Timing& timing, int64_t block_frames) {
  if (block_frames == 1) return timing.look_ahead_frames();
  const int64_t period = timing.period_frames();
  const int64_t step = std::gcd((Rational(period) / timing.rate()).num, block_frames);
  Rational latest = Rational(block_frames - 1);
  for (int64_t t = 0; t < std::min(period, kLongestPeriodFrames); ++t) {
    const int64_t needed = timing.depends({t, t}).last;
    const int64_t leaves = floor_div(needed, step) * step + block_frames - 1;
    latest = std::max(latest, Rational(leaves) - Rational(t) / timing.rate());
  }
  return latest;
}

}  // namespace torchstreamer
