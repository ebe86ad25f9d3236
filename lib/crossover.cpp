#include "crossover.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "error.h"

namespace torchstreamer {
namespace {

/// After so many input frames a stream is the same again, but shifted.
int64_t period_in_frames(const Timing& timing) {
  return (Rational(timing.period_frames()) / timing.rate()).num;
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
  const int64_t from_starts_out = (Rational(from_starts_in) * rate).num;
  from_out_ = from_starts_out + from->frames_out();
  const int64_t period = period_in_frames(to->timing());
  listens_at_in_ = ceil_div(heard_in_, period) * period;
  to_out_ = (Rational(listens_at_in_) * rate).num;
  first_frame_ = std::max({earliest, from_out_, to_out_ + to->timing().settling_frames()});
  from_ = std::move(from);
  to_ = std::move(to);
  timing_ = joint_timing(from_starts_in, from_starts_out);
}

// Counts begin here. What a frame depends on is counted from the start of the signal for both, as
// each begins where a period of its own does.
Timing Crossover::joint_timing(int64_t from_starts_in, int64_t from_starts_out) const {
  const Timing from = from_->timing(), to = to_->timing();
  auto frames_out = [=, heard_before = heard_in_, left_before = from_out_,
                     to_starts_in = listens_at_in_, to_starts_out = to_out_,
                     first = first_frame_](int64_t frames_in, bool final) {
    const int64_t heard = heard_before + frames_in;
    const int64_t of_from = from_starts_out + from.frames_out(heard - from_starts_in, final);
    if (of_from < first) return of_from - left_before;
    const int64_t heard_by_to = std::max<int64_t>(0, heard - to_starts_in);
    return std::max(first, to_starts_out + to.frames_out(heard_by_to, final)) - left_before;
  };
  return Timing(
      to.rate(), std::lcm(from.period_frames(), to.period_frames()),
      [=](const Count& in) {
        return Count{frames_out(in.now, false), frames_out(in.total, true), in.source};
      },
      [=](Span out) { return hull(from.depends(out), to.depends(out)); });
}

int64_t Crossover::held_bytes() const {
  return (from_ ? from_->held_bytes() : 0) + to_->held_bytes() +
         static_cast<int64_t>(made_.capacity() + ahead_.capacity());
}

int64_t Crossover::recoveries() const {
  return (from_ ? from_->recoveries() : 0) + to_->recoveries();
}

void Crossover::process(const void* const* in, int64_t frames, bool final, void* const* out) {
  if (!from_) return to_->push(in, frames, final, out);
  const int64_t due = frames_due(frames, final);
  auto* leaving = static_cast<uint8_t*>(due > 0 ? out[0] : nullptr);
  const int64_t head = from_out_ < first_frame_ ? push_from(in, frames, final, leaving) : 0;
  // A signal that ends before never comes to `to`.
  const bool is_last = final && from_out_ < first_frame_;
  const int64_t unheard = std::clamp<int64_t>(listens_at_in_ - heard_in_, 0, frames);
  if (!is_last && (frames > unheard || final)) {
    const auto* first = static_cast<const uint8_t*>(frames > 0 ? in[0] : nullptr);
    push_to(first ? first + unheard * frame_bytes_.in : nullptr, frames - unheard, final);
  }
  heard_in_ += frames;
  const int64_t tail_bytes = (due - head) * frame_bytes_.out;
  if (tail_bytes > 0) {
    std::memcpy(leaving + head * frame_bytes_.out, ahead_.data(), tail_bytes);
    ahead_.erase(ahead_.begin(), ahead_.begin() + tail_bytes);
  }
  if (std::min(from_out_, to_out_) >= first_frame_) from_.reset();
}

/// Returns how many of its frames count, which are at `out`.
int64_t Crossover::push_from(const void* const* in, int64_t frames, bool final, uint8_t* out) {
  const int64_t made = from_->frames_due(frames, final);
  made_.resize(made * frame_bytes_.out);
  void* const plane = made_.data();
  from_->push(in, frames, final, &plane);
  const int64_t kept = std::clamp<int64_t>(first_frame_ - from_out_, 0, made);
  if (kept > 0) std::memcpy(out, made_.data(), kept * frame_bytes_.out);
  from_out_ += made;
  return kept;
}

void Crossover::push_to(const uint8_t* in, int64_t frames, bool final) {
  const int64_t made = to_->frames_due(frames, final);
  made_.resize(made * frame_bytes_.out);
  const void* const in_plane = in;
  void* const out_plane = made_.data();
  to_->push(&in_plane, frames, final, &out_plane);
  const int64_t early = std::clamp<int64_t>(first_frame_ - to_out_, 0, made);
  ahead_.insert(ahead_.end(), made_.begin() + early * frame_bytes_.out, made_.end());
  to_out_ += made;
}

void Crossover::clear() {
  from_.reset();
  if (to_) to_->reset();
  ahead_.clear();
  if (to_) timing_ = to_->timing();
}

}  // namespace torchstreamer
