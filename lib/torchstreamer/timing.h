/// @file
/// Exact integer timing: the number of output frames after every push, and the input frames that
/// each output frame depends on.
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

/// Returns the number of input frames between the first and the last tap of a dilated kernel, both
/// included.
inline int64_t span_frames(int64_t kernel, int64_t dilation) { return dilation * (kernel - 1) + 1; }

/// The frames [first, last], both included.
struct Span {
  int64_t first = 0;  ///< index of the first frame
  int64_t last = 0;   ///< index of the last frame
};

/// Returns the smallest span that contains both.
TORCHSTREAMER_API Span hull(Span a, Span b);

/// Numbers of frames of one signal inside a network, after `source` frames have entered the
/// network.
struct Count {
  int64_t now = 0;     ///< frames that no later input can change
  int64_t total = 0;   ///< frames of the whole signal, if it ended now
  int64_t source = 0;  ///< frames that have entered the network

  /// Limits both counts to those of `other`.
  void limit(const Count& other) {
    now = std::min(now, other.now);
    total = std::min(total, other.total);
  }
};

/// A number of frames: a constant, or a function of the length of the network's input. A value,
/// immutable and thread-safe.
class LengthRule {
 public:
  /// The constant `frames`.
  LengthRule(int64_t frames = 0) : constant_(frames) {}
  /// `rule`: int64_t(int64_t source_frames).
  template <class Rule,
            class = std::enable_if_t<std::is_invocable_r_v<int64_t, const Rule&, int64_t>>>
  LengthRule(Rule rule) : rule_(std::move(rule)) {}

  /// Returns the number for a network input of `source_frames` frames.
  int64_t operator()(int64_t source_frames) const {
    return rule_ ? rule_(source_frames) : constant_;
  }
  /// Returns the rule that gives f(number).
  template <class Function>
  LengthRule mapped(Function f) const {
    if (!rule_) return f(constant_);
    return [rule = rule_, f](int64_t source_frames) { return f(rule(source_frames)); };
  }

 private:
  std::function<int64_t(int64_t)> rule_;
  // Used if there is no rule, because counting is frequent and most numbers are constant.
  int64_t constant_ = 0;
};

/// The exact map from the input frames of a process to its output frames. All inputs of a process
/// have the same map. A value, immutable and thread-safe.
///
/// The static functions return the timings of common processes; then() returns that of a chain:
///
///     // Conv1d(kernel 5, stride 2) after 4 frames of padding at the left
///     Timing timing = Timing::pad(4, 0).then(Timing::window(5, 2));
class TORCHSTREAMER_API Timing {
 public:
  /// Computes the counts of the output from those of the input.
  using CountRule = std::function<Count(const Count&)>;
  /// Computes the span of input frames that a span of output frames depends on.
  using SpanRule = std::function<Span(Span)>;
  /// Value of a number of frames that means "no limit".
  static constexpr int64_t kEndless = std::numeric_limits<int64_t>::max();

  /// `rate`: output frames per input frame. `period_frames`: output frames after which `depends`
  /// repeats, shifted by a whole number of input frames. `count`: see CountRule. `depends`: see
  /// SpanRule. It ignores the start and the end of the signal, so spans may contain negative
  /// indices.
  Timing(Rational rate, int64_t period_frames, CountRule count, SpanRule depends);

  /// One output frame for each input frame, computed from that frame alone.
  static Timing pointwise();
  /// Output j depends on the inputs [j * stride, j * stride + kernel - 1].
  static Timing window(int64_t kernel, int64_t stride);
  /// Input i is added to the outputs [i * stride, i * stride + kernel - 1]; `extra` frames follow
  /// the last one. `kernel` may be less than `stride`.
  static Timing overlap_add(int64_t kernel, int64_t stride, int64_t extra = 0);
  /// Inserts `left` frames before the signal and `right` after it. There is no output for a signal
  /// of fewer than `needed` frames, unless at least `needs_none_from` frames have entered the
  /// network.
  static Timing pad(int64_t left, LengthRule right, int64_t needed = 1,
                    int64_t needs_none_from = kEndless);
  /// Removes the first `start` frames and, at the end of the signal, the last `cut`, if positive.
  /// The output has at most `limit` frames.
  static Timing trim(int64_t start, LengthRule cut, int64_t limit = kEndless);

  /// Returns the total number of output frames of a signal of `source_frames` input frames, or
  /// nullopt to use the number that the counts give.
  using TotalRule = std::function<std::optional<int64_t>(int64_t source_frames)>;
  /// Returns this timing with the totals replaced by those of `total`, for networks that process
  /// the end of short signals differently.
  Timing with_totals(TotalRule total) const;

  /// Returns the timing of this process followed by `next`.
  Timing then(const Timing& next) const;

  /// Output frames per input frame.
  Rational rate() const { return rate_; }
  /// Total number of output frames after `frames_in` >= 0 input frames: the frames that no later
  /// input can change, or, with `final`, all frames of a signal that ends there. With `final`,
  /// throws Error if the model does not take such a signal.
  int64_t frames_out(int64_t frames_in, bool final) const;
  /// Receptive field: the largest number of input frames that one output frame depends on.
  int64_t receptive_field_frames() const;
  /// Number of output frames from the start of a signal to the last one that depends on frames
  /// before the signal.
  int64_t settling_frames() const;
  /// Latency of a live stream in input frames: the largest distance between an output frame's own
  /// time (its index / rate) and the last input frame that it depends on.
  Rational look_ahead_frames() const;

  /// Number of output frames after which depends() repeats, shifted by a whole number of input
  /// frames.
  int64_t period_frames() const { return period_frames_; }
  /// Returns true if this timing is pointwise().
  bool is_pointwise() const { return is_pointwise_; }
  /// Returns the counts of the output for those of the input.
  Count count(const Count& in) const { return is_pointwise_ ? in : count_(in); }
  /// Returns the span of input frames that the output frames `out` depend on. It may extend outside
  /// of the signal.
  Span depends(Span out) const { return depends_(out); }

 private:
  Rational rate_;
  int64_t period_frames_;
  CountRule count_;
  SpanRule depends_;
  TotalRule total_;
  // True for pointwise(). Saves time, because counting is frequent and most processes are
  // pointwise.
  bool is_pointwise_ = false;
};

}  // namespace torchstreamer
