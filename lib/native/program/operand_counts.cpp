#include "native/program/operand_counts.h"

#include <algorithm>

#include "native/kernels/floats.h"

namespace torchstreamer::native {
namespace {

bool has_values(const Tensor& x, int64_t count) { return x.defined() && x.numel() == count; }

bool is_empty_or_has(const Tensor& x, int64_t count) { return !x.defined() || x.numel() == count; }

size_t operands_of(Function function) {
  switch (function) {
    case Function::kAdd:
    case Function::kMultiply:
    case Function::kDivide:
    case Function::kMaximum:
    case Function::kMinimum:
    case Function::kPrelu:
      return 2;
    default:
      return 1;
  }
}

/// The samples of a computation: one function for each type.
class SampleCounts {
 public:
  SampleCounts(const std::vector<Format>& in, const Format& out) : out_(floats_of(out)) {
    for (const Format& f : in) in_.push_back(floats_of(f));
  }

  bool agree(const std::monostate&) const { return true; }

  /// Computations that keep the samples of a frame.
  template <class C>
  bool agree(const C&) const {
    return keeps_samples();
  }

  bool agree(const Convolution1d& c) const {
    return is_weight(c.weight, c.groups) && c.weight.size(0) % c.groups == 0 &&
           are_signals(c.weight.size(1) * c.groups, c.weight.size(0), out_) &&
           is_empty_or_has(c.bias, c.weight.size(0));
  }

  bool agree(const TransposedConvolution1d& c) const {
    const int64_t channels_out = out_ - (c.envelope.defined() ? 1 : 0);
    return is_weight(c.weight, c.groups) && c.weight.size(0) % c.groups == 0 &&
           are_signals(c.weight.size(0), c.weight.size(1) * c.groups, channels_out) &&
           is_empty_or_has(c.bias, c.weight.size(1) * c.groups) &&
           is_empty_or_has(c.envelope, c.weight.size(2));
  }

  bool agree(const ShortTimeFourier& f) const {
    if (!is_window(f.window) || in_.empty()) return false;
    const int64_t size = f.window.numel();
    return out_ == in_[0] * 2 * (f.is_onesided ? size / 2 + 1 : size);
  }

  bool agree(const InverseShortTimeFourier& f) const {
    if (!is_window(f.window) || in_.empty() || out_ < 2) return false;
    const int64_t size = f.window.numel(), floats = 2 * (out_ - 1);  // of one frequency
    return has_values(f.envelope, size) && in_[0] % floats == 0 && in_[0] / floats > size / 2;
  }

  bool agree(const Elementwise& e) const {
    if (e.function == Function::kFill) return keeps_samples();
    return e.operands.size() == operands_of(e.function) &&
           std::all_of(e.operands.begin(), e.operands.end(),
                       [this](const Operand& o) { return agree(o); });
  }

  bool agree(const Affine& a) const {
    return keeps_samples() && has_values(a.scale, out_) && has_values(a.shift, out_);
  }

  bool agree(const Glu&) const { return !in_.empty() && in_[0] == 2 * out_; }
  bool agree(const DividedByLast&) const { return !in_.empty() && in_[0] == out_ + 1; }

  bool agree(const Rearrangement& r) const {
    return r.rate > 0 && static_cast<int64_t>(r.samples.size()) == r.rate * out_ &&
           std::all_of(r.samples.begin(), r.samples.end(), [&](const Rearrangement::From& from) {
             return from.input == Rearrangement::kZero ||
                    (is_input(from.input) && from.sample >= 0 &&
                     from.sample < r.block * in_[from.input]);
           });
  }

  bool agree(const Reduction& r) const {
    const bool keeps = r.kind == Reduction::kSoftmax || r.kind == Reduction::kLogSoftmax ||
                       r.kind == Reduction::kNormalised;
    return !in_.empty() && r.size > 0 && in_[0] == r.outer * r.size * r.inner &&
           out_ == r.outer * (keeps ? r.size : 1) * r.inner && is_empty_or_has(r.scale, out_) &&
           is_empty_or_has(r.shift, out_);
  }

  bool agree(const Padding1d& p) const {
    return keeps_samples() && is_empty_or_has(p.before, p.left_frames * out_) &&
           is_empty_or_has(p.after, p.most_right_frames * out_);
  }

  bool agree(const Ramp& r) const {
    return static_cast<int64_t>(r.start.size()) == out_ && r.step.size() == r.start.size();
  }

  bool agree(const Recurrence& r) const {
    if (in_.empty() || r.layers.empty()) return false;
    const auto layers = static_cast<int64_t>(r.layers.size());
    int64_t inputs = in_[0];
    for (const Recurrence::Layer& layer : r.layers) {
      const int64_t gates = (r.is_lstm ? 4 : 3) * out_;
      if (!has_values(layer.input_weight, gates * inputs) ||
          !has_values(layer.hidden_weight, gates * out_) ||
          !is_empty_or_has(layer.input_bias, gates) || !is_empty_or_has(layer.hidden_bias, gates))
        return false;
      inputs = out_;
    }
    return has_values(r.initial_h, layers * out_) &&
           (!r.is_lstm || has_values(r.initial_c, layers * out_));
  }

 private:
  bool is_input(int input) const { return input >= 0 && input < static_cast<int>(in_.size()); }
  bool keeps_samples() const { return !in_.empty() && in_[0] == out_; }

  bool agree(const Operand& o) const {
    if (o.result) return agree(*o.result);
    if (o.input < 0) return has_values(o.constant, out_);
    if (!is_input(o.input)) return false;
    if (o.spread.empty()) return in_[o.input] == out_;
    return static_cast<int64_t>(o.spread.size()) == out_ &&
           std::all_of(o.spread.begin(), o.spread.end(),
                       [&](int64_t sample) { return sample >= 0 && sample < in_[o.input]; });
  }

  static bool is_window(const Tensor& window) {
    return window.defined() && window.numel() > 0 && window.scalar_type() == at::kDouble;
  }

  static bool is_weight(const Tensor& weight, int64_t groups) {
    return weight.defined() && weight.dim() == 3 && weight.numel() > 0 && groups > 0;
  }

  // Returns true if the frames consist of whole signals with these channels.
  bool are_signals(int64_t channels_in, int64_t channels_out, int64_t samples_out) const {
    return !in_.empty() && in_[0] % channels_in == 0 &&
           in_[0] / channels_in * channels_out == samples_out;
  }

  std::vector<int64_t> in_;
  int64_t out_;
};

/// The frames of a computation. Those of paddings, slices, overlap-adds and interpolations follow
/// from the length of the signal: their kernels limit them to the frames that exist.
class FrameCounts {
 public:
  explicit FrameCounts(const Timing& timing) : timing_(timing) {}

  bool agree(const std::monostate&) const { return true; }
  bool agree(const TransposedConvolution1d&) const { return true; }
  bool agree(const InverseShortTimeFourier&) const { return true; }
  bool agree(const Padding1d&) const { return true; }
  bool agree(const Trim&) const { return true; }
  bool agree(const Interpolation&) const { return true; }

  bool agree(const Convolution1d& c) const {
    return agree_with_windows(c.stride, span_frames(c.weight.size(2), c.dilation));
  }
  bool agree(const ShortTimeFourier& f) const {
    return agree_with_windows(f.hop_frames, f.window.numel());
  }
  // A window may extend past the end of the signal.
  bool agree(const Pool1d& p) const { return agree_with_windows(p.stride_frames, 1); }
  bool agree(const Decimation& d) const { return agree_with_windows(d.step, 1); }
  bool agree(const Rearrangement& r) const {
    return reads([&](int64_t frames) { return ceil_div(frames, r.rate) * r.block; });
  }
  template <class C>
  bool agree(const C&) const {
    return reads([](int64_t frames) { return frames; });
  }

 private:
  bool agree_with_windows(int64_t stride, int64_t span) const {
    return reads([&](int64_t frames) { return (frames - 1) * stride + span; });
  }

  // `needed`: number of input frames that are read for a number of output frames.
  template <class Needed>
  bool reads(const Needed& needed) const {
    const int64_t field = std::min(timing_.receptive_field_frames(), kLongestField);
    for (const int64_t n : {int64_t{1}, field, field + 1, 2 * field + 63}) {
      const int64_t frames = timing_.count({n, n, n}).now;
      if (frames > 0 && needed(frames) > n) return false;
    }
    return true;
  }

  static constexpr int64_t kLongestField = int64_t{1} << 32;

  const Timing& timing_;
};

}  // namespace

bool counts_agree(const Computation& computation, const Timing& timing,
                  const std::vector<Format>& in, const Format& out) {
  const SampleCounts samples(in, out);
  const FrameCounts frames(timing);
  return std::visit([&](const auto& c) { return samples.agree(c) && frames.agree(c); },
                    computation);
}

}  // namespace torchstreamer::native
