// Exact integer time: which output frames are certain when, and what they depend on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "torchstreamer/export.h"
#include "torchstreamer/rational.h"

namespace torchstreamer {

/// The frames that a dilated kernel spans.
inline int64_t span_frames(int64_t kernel, int64_t dilation) { return dilation * (kernel - 1) + 1; }

/// Frames [first, last], both included.
struct Span {
  int64_t first = 0;
  int64_t last = 0;
};

/// The smallest span that covers both.
TORCHSTREAMER_API Span hull(Span a, Span b);

/// How many frames an edge of a network has carried after `source` frames entered the network.
struct Count {
  int64_t now = 0;     ///< frames that are certain while the signal goes on
  int64_t total = 0;   ///< frames in all, if the signal ended here
  int64_t source = 0;  ///< frames that entered the network

  /// No more than the other edge of the network has.
  void limit(const Count& other) {
    now = std::min(now, other.now);
    total = std::min(total, other.total);
  }
};

/// A number of frames that may depend on how long the signal of the network is. A value; immutable
/// and thread-safe.
class LengthRule {
 public:
  LengthRule(int64_t always = 0) : always_(always) {}
  /// `rule`: int64_t(int64_t source_frames).
  template <class Rule,
            class = std::enable_if_t<std::is_invocable_r_v<int64_t, const Rule&, int64_t>>>
  LengthRule(Rule rule) : rule_(std::move(rule)) {}

  int64_t operator()(int64_t source_frames) const { return rule_ ? rule_(source_frames) : always_; }
  /// f(this number).
  template <class Function>
  LengthRule mapped(Function f) const {
    if (!rule_) return f(always_);
    return [rule = rule_, f](int64_t source_frames) { return f(rule(source_frames)); };
  }

 private:
  std::function<int64_t(int64_t)> rule_;
  int64_t always_ = 0;  // where there is none: counts are asked for often, and most are such
};

/// The exact time map of one process from its input frames to its output frames. A value; immutable
/// and thread-safe. All inputs of a join share one map.
class TORCHSTREAMER_API Timing {
 public:
  using CountRule = std::function<Count(const Count&)>;
  using SpanRule = std::function<Span(Span)>;
  /// No limit: more frames than there ever are.
  static constexpr int64_t kEndless = std::numeric_limits<int64_t>::max();

  /// `rate`: output frames per input frame. `period_frames`: output frames after which `depends`
  /// repeats, shifted by a whole number of input frames. `count`: the counts of the output, given
  /// those of the input. `depends`: the input frames that a span of output frames is computed from;
  /// plain arithmetic, without regard to where the signal starts or ends.
  Timing(Rational rate, int64_t period_frames, CountRule count, SpanRule depends);

  /// One frame out for one frame in, computed from that frame alone.
  static Timing pointwise();
  /// Output j is computed from input frames [j * stride, j * stride + kernel - 1].
  static Timing window(int64_t kernel, int64_t stride);
  /// Input i adds to output frames [i * stride, i * stride + kernel - 1]; `extra` frames follow the
  /// last one. `kernel` may be smaller than `stride`.
  static Timing overlap_add(int64_t kernel, int64_t stride, int64_t extra = 0);
  /// `left` frames come before the signal and `right` after it. Nothing is certain before the first
  /// `needed` frames, but for networks whose source has carried `needs_none_from` frames.
  static Timing pad(int64_t left, LengthRule right, int64_t needed = 1,
                    int64_t needs_none_from = kEndless);
  /// The first `start` frames are left out and, where the signal ends, the last `cut`, if positive.
  /// At most `limit` come out.
  static Timing trim(int64_t start, LengthRule cut, int64_t limit = kEndless);

  /// The number of output frames of a whole signal, where it is another one than the counts say.
  using TotalRule = std::function<std::optional<int64_t>(int64_t source_frames)>;
  /// This timing, but for the totals that `total` knows better.
  Timing with_totals(TotalRule total) const;

  /// This process followed by `next`.
  Timing then(const Timing& next) const;

  /// Output frames per input frame.
  Rational rate() const { return rate_; }
  /// Output frames in all after `frames_in` input frames: those that left while the signal goes on,
  /// or, with `final`, those of a signal that ends there. Exact for every `frames_in` >= 0.
  int64_t frames_out(int64_t frames_in, bool final) const;
  /// The largest number of input frames that one output frame is computed from.
  int64_t receptive_field_frames() const;
  /// The first output frame from which on none is computed from what lies before the signal.
  int64_t settling_frames() const;
  /// By how many input frames the last input frame of an output frame lies ahead of that output
  /// frame's own time (output index / rate), at most. This is the latency of a live stream.
  Rational look_ahead_frames() const;

  int64_t period_frames() const { return period_frames_; }
  /// Whether it is pointwise().
  bool is_pointwise() const { return is_pointwise_; }
  Count count(const Count& in) const { return is_pointwise_ ? in : count_(in); }
  Span depends(Span out) const { return depends_(out); }

 private:
  Rational rate_;
  int64_t period_frames_;
  CountRule count_;
  SpanRule depends_;
  TotalRule total_;
  bool is_pointwise_ = false;  // counts are asked for often, and most are these
};

/// The least period of `after` fed by `before`: a whole number of periods of both.
TORCHSTREAMER_API int64_t chained_period_frames(int64_t before_period_frames, const Timing& after);

}  // namespace torchstreamer
