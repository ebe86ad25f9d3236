#include "torchstreamer/timing.h"

#include <algorithm>
#include <string>

#include "time/period.h"
#include "torchstreamer/error.h"

namespace torchstreamer {

Span hull(Span a, Span b) { return {std::min(a.first, b.first), std::max(a.last, b.last)}; }

Timing::Timing(Rational rate, int64_t period_frames, CountRule count, SpanRule depends)
    : rate_(rate),
      period_frames_(period_frames),
      count_(std::move(count)),
      depends_(std::move(depends)) {}

Timing Timing::pointwise() {
  Timing timing(
      {1}, 1, [](const Count& in) { return in; }, [](Span out) { return out; });
  timing.is_pointwise_ = true;
  return timing;
}

namespace {

void require_frames(int64_t kernel, int64_t stride) {
  if (kernel < 1 || stride < 1)
    throw Error("windows of " + std::to_string(kernel) + " frames every " + std::to_string(stride) +
                " frames; both must be at least 1");
}

}  // namespace

Timing Timing::window(int64_t kernel, int64_t stride) {
  require_frames(kernel, stride);
  if (kernel == 1 && stride == 1) return pointwise();
  auto windows = [=](int64_t n) { return n < kernel ? 0 : (n - kernel) / stride + 1; };
  return Timing(
      {1, stride}, 1,
      [=](const Count& in) {
        return Count{windows(in.now), windows(in.total), in.source};
      },
      [=](Span out) {
        return Span{out.first * stride, out.last * stride + kernel - 1};
      });
}

Timing Timing::overlap_add(int64_t kernel, int64_t stride, int64_t extra) {
  require_frames(kernel, stride);
  if (kernel == 1 && stride == 1 && extra == 0) return pointwise();
  auto total = [=](int64_t n) { return n == 0 ? 0 : (n - 1) * stride + kernel + extra; };
  // n inputs determine all outputs before n * stride, the first output to which input n is added. A
  // kernel shorter than the stride leaves a gap before that output. Frames of the gap exist only if
  // input n follows, so they depend on it.
  auto now = [=](int64_t n) { return std::min(n * stride, total(n)); };
  const int64_t gap = std::max<int64_t>(0, stride - kernel - extra);
  return Timing(
      {stride}, stride,
      [=](const Count& in) {
        return Count{now(in.now), total(in.total), in.source};
      },
      [=](Span out) {
        return Span{ceil_div(out.first - kernel + 1, stride), floor_div(out.last + gap, stride)};
      });
}

Timing Timing::pad(int64_t left, LengthRule right, int64_t needed, int64_t needs_none_from) {
  return Timing(
      {1}, 1,
      [=](const Count& in) {
        const int64_t minimum = in.source >= needs_none_from ? 0 : needed;
        return Count{in.now >= minimum ? in.now + left : 0,
                     in.total >= minimum ? in.total + left + right(in.source) : 0, in.source};
      },
      [=](Span out) {
        return Span{out.first - left, out.last - left};
      });
}

Timing Timing::trim(int64_t start, LengthRule cut, int64_t limit) {
  return Timing(
      {1}, 1,
      [=](const Count& in) {
        // A frame is output as soon as a signal that ended now would contain it. Padding that is
        // later cut at the end therefore adds no delay.
        const int64_t kept = in.total - start - std::max<int64_t>(0, cut(in.source));
        const int64_t total = std::min(std::max<int64_t>(0, kept), limit);
        return Count{std::max<int64_t>(0, std::min(in.now - start, total)), total, in.source};
      },
      [=](Span out) {
        return Span{out.first + start, out.last + start};
      });
}

Timing Timing::with_totals(TotalRule total) const {
  Timing timing = *this;
  timing.total_ = std::move(total);
  return timing;
}

Timing Timing::then(const Timing& next) const {
  return Timing(
      rate_ * next.rate_, chained_period_frames(period_frames_, next),
      [first = count_, second = next.count_](const Count& in) { return second(first(in)); },
      [first = depends_, second = next.depends_](Span out) { return first(second(out)); });
}

int64_t Timing::frames_out(int64_t frames_in, bool final) const {
  if (final && total_)
    if (const auto total = total_(frames_in)) return *total;
  const Count out = count_({frames_in, frames_in, frames_in});
  return final ? out.total : out.now;
}

}  // namespace torchstreamer
