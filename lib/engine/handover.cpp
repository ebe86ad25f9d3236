#include "engine/handover.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "time/period.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

/// Returns the number of output frames of a whole signal; 0 if the signal is too short for the
/// model.
int64_t total_frames(const Timing& timing, int64_t frames_in) {
  try {
    return timing.frames_out(frames_in, true);
  } catch (const Error&) {
    return 0;
  }
}

/// A position in the signal, in frames of the input and the output.
struct Position {
  int64_t in, out;
};

/// Returns the timing of the handover. Its frames are counted from `begin`, the position of its
/// construction. The spans of dependencies are those of the engines, which are valid because each
/// engine starts at a multiple of its period.
Timing joint_timing(const Timing& from, const Timing& to, Position from_start, Position to_start,
                    Position begin, int64_t first_frame) {
  auto frames_out = [=](int64_t frames_in, bool final) {
    const int64_t signal_in = begin.in + frames_in;
    const int64_t from_end = from_start.out + from.frames_out(signal_in - from_start.in, final);
    if (from_end < first_frame) return from_end - begin.out;
    const int64_t to_in = std::max<int64_t>(0, signal_in - to_start.in);
    const int64_t to_end =
        to_start.out + (final ? total_frames(to, to_in) : to.frames_out(to_in, false));
    if (to_end > first_frame) return to_end - begin.out;
    return (final ? from_end : first_frame) - begin.out;
  };
  const Timing running(
      to.rate(), std::lcm(from.period_frames(), to.period_frames()),
      [=](const Count& in) {
        const int64_t now = frames_out(in.now, false);
        return Count{now, now, in.source};
      },
      [=](Span out) { return hull(from.depends(out), to.depends(out)); });
  return running.with_totals([=](int64_t frames_in) { return frames_out(frames_in, true); });
}

}  // namespace

int64_t Handover::warm_up_frames(const Timing& to) {
  return period_in_frames(to) + (Rational(to.settling_frames()) / to.rate()).ceil();
}

Handover::Handover(std::unique_ptr<Engine>&& from, std::unique_ptr<Engine>&& to, int64_t frames_in,
                   int64_t earliest_frame, FrameBytes frame_bytes)
    : frame_bytes_(frame_bytes), signal_in_frames_(frames_in), timing_(to->timing()) {
  const Rational rate = to->timing().rate();
  if (from->timing().rate() != rate)
    throw Error("a handover between models of different rates is not possible: start a new signal");
  const int64_t from_start_in = frames_in - from->frames_in();
  const Position from_start{from_start_in, (Rational(from_start_in) * rate).num};
  from_out_frames_ = emitted_frames_ = from_start.out + from->frames_out();
  // (2)
  const int64_t period = period_in_frames(to->timing());
  to_start_in_frames_ = ceil_div(frames_in, period) * period;
  to_out_frames_ = to_start_out_frames_ = (Rational(to_start_in_frames_) * rate).num;
  // (3), (4)
  const int64_t settled_frame = to_start_out_frames_ + to->timing().settling_frames();
  first_frame_ = std::max({earliest_frame, from_out_frames_, settled_frame});
  timing_ = joint_timing(from->timing(), to->timing(), from_start,
                         {to_start_in_frames_, to_start_out_frames_},
                         {signal_in_frames_, emitted_frames_}, first_frame_);
  from_ = std::move(from);  // the code below does not throw
  to_ = std::move(to);
}

int64_t Handover::held_bytes() const {
  return (from_ ? from_->held_bytes() : 0) + to_->held_bytes() +
         static_cast<int64_t>(pushed_.capacity() + from_queue_.capacity() + to_queue_.capacity());
}

int64_t Handover::wait_ns() const { return (from_ ? from_->wait_ns() : 0) + to_->wait_ns(); }

int64_t Handover::recoveries() const {
  return from_recoveries_ + (from_ ? from_->recoveries() : 0) + to_->recoveries();
}

void Handover::set_inputs(const NamedValues& inputs) {
  to_->set_inputs(inputs);
  try {
    if (from_) from_->set_inputs(inputs);
  } catch (const OptionError&) {  // a different model
  }
}

void Handover::process(const void* const* in, int64_t frames, bool final, void* const* out) {
  if (!from_) return to_->push(in, frames, final, out);
  const int64_t due_frames = frames_due(frames, final);
  push_from(in, frames, final);
  push_to(in, frames, final);
  signal_in_frames_ += frames;
  has_handed_over_ = from_out_frames_ >= first_frame_ && to_out_frames_ > first_frame_;
  // If the signal ends before the handover, all frames are those of `from`.
  const int64_t before_first = std::clamp<int64_t>(first_frame_ - emitted_frames_, 0, due_frames);
  const int64_t from_frames = has_handed_over_ ? before_first : due_frames;
  auto* next_out = static_cast<uint8_t*>(due_frames > 0 ? out[0] : nullptr);
  emit(&from_queue_, from_frames, &next_out);
  emit(&to_queue_, due_frames - from_frames, &next_out);
  if (has_handed_over_) release_from();
}

void Handover::push_from(const void* const* in, int64_t frames, bool final) {
  const int64_t frames_out = from_->frames_due(frames, final);
  pushed_.resize(frames_out * frame_bytes_.out);
  void* const plane = pushed_.data();
  from_->push(in, frames, final, &plane);
  from_queue_.insert(from_queue_.end(), pushed_.begin(), pushed_.end());
  from_out_frames_ += frames_out;
}

void Handover::push_to(const void* const* in, int64_t frames, bool final) {
  // `to` does not process frames before (2).
  const int64_t skipped = std::clamp<int64_t>(to_start_in_frames_ - signal_in_frames_, 0, frames);
  const int64_t to_in = std::max<int64_t>(0, signal_in_frames_ + frames - to_start_in_frames_);
  // At the end of a signal, `to` is not used if it cannot compute its frames or if `from` computes
  // them.
  const bool is_late =
      final && (from_out_frames_ < first_frame_ ||
                total_frames(to_->timing(), to_in) <= first_frame_ - to_start_out_frames_);
  if (is_late || (frames == skipped && !final)) return;
  const int64_t frames_out = to_->frames_due(frames - skipped, final);
  pushed_.resize(frames_out * frame_bytes_.out);
  const auto* first = static_cast<const uint8_t*>(frames > 0 ? in[0] : nullptr);
  const void* const in_plane = first ? first + skipped * frame_bytes_.in : nullptr;
  void* const out_plane = pushed_.data();
  to_->push(&in_plane, frames - skipped, final, &out_plane);
  // Frames before first_frame() are dropped.
  const int64_t early = std::clamp<int64_t>(first_frame_ - to_out_frames_, 0, frames_out);
  to_queue_.insert(to_queue_.end(), pushed_.begin() + early * frame_bytes_.out, pushed_.end());
  to_out_frames_ += frames_out;
}

/// Moves the first `frames` frames of `*queue` to `*out` and advances `*out`.
void Handover::emit(std::vector<uint8_t>* queue, int64_t frames, uint8_t** out) {
  const int64_t bytes = frames * frame_bytes_.out;
  if (bytes == 0) return;
  std::memcpy(*out, queue->data(), bytes);
  queue->erase(queue->begin(), queue->begin() + bytes);
  *out += bytes;
  emitted_frames_ += frames;
}

void Handover::release_from() {
  if (from_) from_recoveries_ += from_->recoveries();
  from_.reset();
}

void Handover::clear() {
  release_from();
  to_->reset();
  from_queue_.clear();
  to_queue_.clear();
  is_reset_ = true;
}

}  // namespace torchstreamer
