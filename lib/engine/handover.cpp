#include "engine/handover.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

/// After so many input frames a stream is the same again, but shifted.
int64_t period_in_frames(const Timing& timing) {
  return (Rational(timing.period_frames()) / timing.rate()).num;
}

/// Of a signal of `heard` frames. What is too short for the model gives none.
int64_t total_frames(const Timing& timing, int64_t heard) {
  try {
    return timing.frames_out(heard, true);
  } catch (const Error&) {
    return 0;
  }
}

/// Where an engine began, and where both are, in frames of input and output.
struct Place {
  int64_t in, out;
};

/// Counts begin at `here`. What a frame depends on is counted from the start of the signal for
/// both, as each begins where a period of its own does.
Timing joint_timing(const Timing& from, const Timing& to, Place from_start, Place to_start,
                    Place here, int64_t first_frame) {
  auto frames_out = [=](int64_t frames_in, bool final) {
    const int64_t heard = here.in + frames_in;
    const int64_t of_from = from_start.out + from.frames_out(heard - from_start.in, final);
    if (of_from < first_frame) return of_from - here.out;
    const int64_t heard_by_to = std::max<int64_t>(0, heard - to_start.in);
    const int64_t of_to =
        to_start.out + (final ? total_frames(to, heard_by_to) : to.frames_out(heard_by_to, false));
    if (of_to > first_frame) return of_to - here.out;
    return (final ? of_from : first_frame) - here.out;
  };
  const Timing going_on(
      to.rate(), std::lcm(from.period_frames(), to.period_frames()),
      [=](const Count& in) {
        const int64_t now = frames_out(in.now, false);
        return Count{now, now, in.source};
      },
      [=](Span out) { return hull(from.depends(out), to.depends(out)); });
  return going_on.with_totals([=](int64_t frames_in) { return frames_out(frames_in, true); });
}

}  // namespace

int64_t Crossover::listening_frames(const Timing& to) {
  return period_in_frames(to) + (Rational(to.settling_frames()) / to.rate()).ceil();
}

Crossover::Crossover(std::unique_ptr<Engine>&& from, std::unique_ptr<Engine>&& to, int64_t heard,
                     int64_t earliest, FrameBytes frame_bytes)
    : frame_bytes_(frame_bytes), heard_in_(heard), timing_(to->timing()) {
  const Rational rate = to->timing().rate();
  if (from->timing().rate() != rate)
    throw Error("a model cannot go on where one of another rate is: its signal begins anew");
  const int64_t from_starts_in = heard - from->frames_in();
  const Place from_start{from_starts_in, (Rational(from_starts_in) * rate).num};
  from_out_ = left_out_ = from_start.out + from->frames_out();
  const int64_t period = period_in_frames(to->timing());
  listens_at_in_ = ceil_div(heard_in_, period) * period;
  to_out_ = to_starts_out_ = (Rational(listens_at_in_) * rate).num;
  first_frame_ = std::max({earliest, from_out_, to_out_ + to->timing().settling_frames()});
  timing_ = joint_timing(from->timing(), to->timing(), from_start, {listens_at_in_, to_out_},
                         {heard_in_, from_out_}, first_frame_);
  from_ = std::move(from);  // nothing throws from here on
  to_ = std::move(to);
}

int64_t Crossover::held_bytes() const {
  return (from_ ? from_->held_bytes() : 0) + to_->held_bytes() +
         static_cast<int64_t>(made_.capacity() + from_queue_.capacity() + to_queue_.capacity());
}

int64_t Crossover::recoveries() const {
  return recoveries_before_ + (from_ ? from_->recoveries() : 0) + to_->recoveries();
}

void Crossover::process(const void* const* in, int64_t frames, bool final, void* const* out) {
  if (!from_) return to_->push(in, frames, final, out);
  const int64_t due = frames_due(frames, final);
  push_from(in, frames, final);
  push_to(in, frames, final);
  heard_in_ += frames;
  has_crossed_ = from_out_ >= first_frame_ && to_out_ > first_frame_;
  // Only at the end of a signal that is too short more than that of `from` leaves.
  const int64_t of_from = std::clamp<int64_t>(first_frame_ - left_out_, 0, due);
  const int64_t head = has_crossed_ ? of_from : due;
  auto* leaving = static_cast<uint8_t*>(due > 0 ? out[0] : nullptr);
  emit(&from_queue_, head, &leaving);
  emit(&to_queue_, due - head, &leaving);
  if (has_crossed_) drop_from();
}

void Crossover::push_from(const void* const* in, int64_t frames, bool final) {
  const int64_t made = from_->frames_due(frames, final);
  made_.resize(made * frame_bytes_.out);
  void* const plane = made_.data();
  from_->push(in, frames, final, &plane);
  from_queue_.insert(from_queue_.end(), made_.begin(), made_.end());
  from_out_ += made;
}

void Crossover::push_to(const void* const* in, int64_t frames, bool final) {
  const int64_t unheard = std::clamp<int64_t>(listens_at_in_ - heard_in_, 0, frames);
  const int64_t heard = std::max<int64_t>(0, heard_in_ + frames - listens_at_in_);
  // At the end it is not asked for what it cannot make, nor for what comes too late.
  const bool is_late = final && (from_out_ < first_frame_ || total_frames(to_->timing(), heard) <=
                                                                 first_frame_ - to_starts_out_);
  if (is_late || (frames == unheard && !final)) return;
  const int64_t made = to_->frames_due(frames - unheard, final);
  made_.resize(made * frame_bytes_.out);
  const auto* first = static_cast<const uint8_t*>(frames > 0 ? in[0] : nullptr);
  const void* const in_plane = first ? first + unheard * frame_bytes_.in : nullptr;
  void* const out_plane = made_.data();
  to_->push(&in_plane, frames - unheard, final, &out_plane);
  const int64_t early = std::clamp<int64_t>(first_frame_ - to_out_, 0, made);
  to_queue_.insert(to_queue_.end(), made_.begin() + early * frame_bytes_.out, made_.end());
  to_out_ += made;
}

/// Moves the first frames of `*queue` to `*out`, which moves behind them.
void Crossover::emit(std::vector<uint8_t>* queue, int64_t frames, uint8_t** out) {
  const int64_t bytes = frames * frame_bytes_.out;
  if (bytes == 0) return;
  std::memcpy(*out, queue->data(), bytes);
  queue->erase(queue->begin(), queue->begin() + bytes);
  *out += bytes;
  left_out_ += frames;
}

void Crossover::drop_from() {
  if (from_) recoveries_before_ += from_->recoveries();
  from_.reset();
}

void Crossover::clear() {
  drop_from();
  to_->reset();
  from_queue_.clear();
  to_queue_.clear();
  is_cleared_ = true;
}

}  // namespace torchstreamer
