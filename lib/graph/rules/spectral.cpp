// Spectra of windows of the signal, and back.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/fft_ifft.h>
#include <ATen/ops/fft_irfft.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stft.h>
#include <ATen/ops/unfold_backward.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/lowering/floats.h"
#include "graph/lowering/linear.h"
#include "graph/rules/rules.h"
#include "streams/pointwise.h"
#include "streams/trim.h"
#include "streams/windowed.h"

namespace torchstreamer::graph {
namespace {

Optional<int64_t> optional_integer(const Call& call, size_t i) {
  const IValue value = call.constant(i);
  return value.isNone() ? Optional<int64_t>() : Optional<int64_t>(value.toInt());
}

Optional<bool> optional_boolean(const Call& call, size_t i) {
  const IValue value = call.constant(i);
  return value.isNone() ? Optional<bool>() : Optional<bool>(value.toBool());
}

// What both directions have in front; the defaults are PyTorch's.
struct Transform {
  explicit Transform(const Call& call)
      : size(call.integer(1)),
        hop(optional_integer(call, 2).value_or(size / 4)),
        window_size(optional_integer(call, 3).value_or(size)),
        window(call.tensor(4)) {
    if (size < 1 || hop < 1) call.refuse(c10::str("n_fft is ", size, ", hop_length ", hop));
  }

  std::string describe(const char* name) const {
    return c10::str(name, "(", size, ", hop ", hop, ")");
  }

  int64_t size, hop, window_size;
  Tensor window;  // [window_size] or undefined
};

PadMode pad_mode(const Call& call, const std::string& name) {
  if (name == "constant") return PadMode::kConstant;
  if (name == "reflect") return PadMode::kReflect;
  if (name == "replicate") return PadMode::kReplicate;
  call.refuse("pad_mode='" + name + "' begins with the end of the signal; use 'reflect'");
}

}  // namespace

// (self, n_fft, hop_length, win_length, window, [center, pad_mode,] normalized, onesided,
// return_complex). `[.., T]` becomes `[.., frequencies, windows]`, with real and imaginary parts
// behind it where it does not return complex numbers.
std::vector<Value> stft(const Call& call) {
  Stream x = call.stream(0);
  const Transform t(call);
  if (x.axis != static_cast<int>(x.shape.size()) - 1)
    call.refuse("it does not run along the time axis");
  const bool knows_center = call.node->input(5)->type()->isSubtypeOf(*c10::BoolType::get()) &&
                            call.node->input(6)->type()->isSubtypeOf(*c10::StringType::get());
  if (knows_center && call.boolean(5)) {
    PadOptions options;
    options.mode = pad_mode(call, call.constant(6).toStringRef());
    x = padded(call, x, t.size / 2, t.size / 2, options);
  }
  const size_t next = knows_center ? 7 : 5;
  const bool normalized = call.boolean(next);
  const auto onesided = optional_boolean(call, next + 1);
  const bool is_complex =
      at::isComplexType(x.dtype) || (t.window.defined() && t.window.is_complex());
  const bool return_complex = optional_boolean(call, next + 2).value_or(is_complex);
  WindowOptions window;
  window.kernel_frames = t.size;
  window.stride_frames = t.hop;
  window.rule = [=](const Tensor& frames) {
    const Tensor y = at::stft(frames.movedim(0, -1), t.size, t.hop, t.window_size, t.window,
                              normalized, onesided, /*return_complex=*/true)
                         .movedim(-1, 0);
    return return_complex ? y : at::view_as_real(y);
  };
  window.description = t.describe("STFT");
  window.computation = linear_window(window, call.plan.format(x));
  Stream y = applied(call, window_layer(window), x, x.axis + 1);
  y.shift = x.shift / Rational(t.hop);
  return {y};
}

namespace {

// The window as long as the transform, in its middle; a rectangle where none is given.
Tensor whole_window(const Transform& t, const Format& format) {
  const auto real = c10::toRealValueType(format.dtype);
  const Tensor window =
      t.window.defined() ? t.window
                         : at::ones({t.window_size}, at::TensorOptions(real).device(format.device));
  const int64_t left = (t.size - t.window_size) / 2;
  return at::constant_pad_nd(window, {left, t.size - t.window_size - left});
}

// Sums what the spectra and the squared window add to each frame: `[n, B, frequencies]`, with `B`
// and the two parts of real input or without, in; `[frames, B + 1]` out, the envelope last.
FramesRule signal_and_envelope(const Transform& t, const Tensor& window, bool has_batch,
                               bool normalized, bool return_complex) {
  return [=, squares = window.pow(2)](const Tensor& frames) {
    Tensor x = frames.is_complex() ? frames : at::view_as_complex(packed(frames));
    if (!has_batch) x = x.unsqueeze(1);
    const char* norm = normalized ? "ortho" : "backward";
    x = (return_complex ? at::fft_ifft(x, t.size, -1, norm) : at::fft_irfft(x, t.size, -1, norm)) *
        window;
    x = at::cat({x, squares.expand({x.size(0), 1, t.size})}, 1);
    return at::unfold_backward(x, {(x.size(0) - 1) * t.hop + t.size, x.size(1)}, 0, t.size, t.hop);
  };
}

// The computation of `sum`, of a real signal and its envelope: the signal is linear in the spectra.
Computation overlapped(const OverlapAddOptions& sum, const Tensor& squares, const Format& in) {
  if (squares.scalar_type() != at::kFloat) return {};
  OverlapAddOptions signal = sum;
  signal.rule = [rule = sum.rule](const Tensor& frames) {
    const Tensor y = rule(frames);
    return y.narrow(1, 0, y.size(1) - 1);
  };
  Computation computation = linear_overlap(signal, in);
  if (auto* convolution = std::get_if<TransposedConvolution1d>(&computation))
    convolution->envelope = squares;
  return computation;
}

// `[frames, B + 1]` of signal and envelope; `[frames, B]` out, or `[frames]`.
PointwiseRule divided(bool has_batch) {
  return [has_batch](const Tensors& in) {
    const int64_t batch = in[0].size(1) - 1;
    const Tensor envelope = in[0].narrow(1, batch, 1);
    // What torch.istft refuses, too.
    if (envelope.abs().lt(DividedByLast::kLeast).any().item<bool>())
      throw Error(DividedByLast::kIsZero);
    const Tensor y = in[0].narrow(1, 0, batch) / envelope;
    return has_batch ? y : y.squeeze(1);
  };
}

// How many frames the overlapping windows have behind those that are asked for; negative where they
// are too few.
Frames frames_behind(const Call& call, const Transform& t, const Stream& x, int64_t start) {
  const Value& length = call.args[8];
  if (length.constant() && length.constant()->isNone()) return start;
  if (!length.constant() && !length.symbol()) call.refuse("its length is computed from the signal");
  auto windows = [plan = &call.plan, x](int64_t n) { return plan->frames(x, n); };
  auto behind = [=](int64_t n) {
    const IValue& asked = length.symbol() ? (*length.symbol())->at(n) : *length.constant();
    return (windows(n) - 1) * t.hop + t.size - start - asked.toInt();
  };
  auto effect = [=](int64_t n, int64_t frames) { return windows(n) > 0 ? frames : 0; };
  return call.lengths.formula(behind, call.node, "its length", effect);
}

// The most frames that are missing; short signals miss most where the length is a constant.
int64_t most_missing(const Frames& behind) {
  int64_t least = 0;
  for (int64_t n = 1; n < 2048; ++n) least = std::min(least, behind(n));
  for (const int64_t n : sampled_lengths()) least = std::min(least, behind(n));
  return -least;
}

// What reads a stream of spectra: `[.., frequencies, windows]`, and the two parts of real numbers.
void check_spectra(const Call& call, const Transform& t, const Stream& x, bool onesided) {
  const int64_t parts = at::isComplexType(x.dtype) ? 0 : 1;
  const int64_t rank = static_cast<int64_t>(x.shape.size()) - parts;
  if (rank < 2 || rank > 3 || x.axis != rank - 1)
    call.refuse("it does not run along the time axis");
  if (parts && x.shape.back() != 2) call.refuse("it takes complex numbers or their two parts");
  const int64_t frequencies = onesided ? t.size / 2 + 1 : t.size;
  if (x.shape[rank - 2] != frequencies)
    call.refuse(
        c10::str("it takes ", frequencies, " frequencies and is given ", x.shape[rank - 2]));
  if (t.hop > t.window_size || t.window_size > t.size)
    call.refuse(c10::str("hop_length ", t.hop, " <= win_length ", t.window_size, " <= n_fft ",
                         t.size, " does not hold"));
}

}  // namespace

// (self, n_fft, hop_length, win_length, window, center, normalized, onesided, length,
// return_complex). The semantics of torch.istft (aten/src/ATen/native/SpectralOps.cpp): windows are
// summed, the sum is cropped, divided by that of the squared window, and zeros follow up to
// `length`.
std::vector<Value> istft(const Call& call) {
  const Stream x = call.stream(0);
  const Transform t(call);
  const int rank = static_cast<int>(x.shape.size()) - (at::isComplexType(x.dtype) ? 0 : 1);
  const bool has_batch = rank == 3;
  const bool onesided = optional_boolean(call, 7).value_or(rank < 2 || x.shape[rank - 2] != t.size);
  check_spectra(call, t, x, onesided);
  const int64_t start = call.boolean(5) ? t.size / 2 : 0;
  const Frames behind = frames_behind(call, t, x, start);

  const Format format = call.plan.format(x);
  const Tensor window = whole_window(t, format);
  const bool is_real = !call.boolean(9);
  OverlapAddOptions sum;
  sum.kernel_frames = t.size;
  sum.stride_frames = t.hop;
  sum.rule = signal_and_envelope(t, window, has_batch, call.boolean(6), !is_real);
  sum.description = t.describe("ISTFT");
  if (is_real) sum.computation = overlapped(sum, window.pow(2), format);
  Stream y = applied(call, overlap_add_layer(sum), x, 0);
  y.shift = x.shift * Rational(t.hop);
  if (call.args[8].is_constant() && call.constant(8).isInt()) {
    TrimOptions trim;
    trim.start_frames = start;
    trim.limit_frames = call.integer(8);
    trim.description = c10::str("first ", start);
    y = call.plan.add(call.node, trim1d_layer(trim), {y}, y);
  } else {
    y = trimmed(call, y, start, positive(behind));
  }
  PointwiseOptions division{divided(has_batch), "divide by the windows"};
  if (is_real) division.computation = DividedByLast{};
  y = applied(call, pointwise_layer(division), y, has_batch);
  PadOptions zeros;
  zeros.right_frames = positive(negated(behind));
  zeros.most_right_frames = most_missing(behind);
  if (zeros.most_right_frames == 0) return {y};
  const Format format_out = call.plan.format(y);
  zeros.after =
      at::zeros({}, format_out.options()).expand(format_out.shape(zeros.most_right_frames));
  return {call.plan.add(call.node, pad1d_layer(zeros), {y}, y)};
}

}  // namespace torchstreamer::graph
