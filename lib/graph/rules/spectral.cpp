// Short-time Fourier transforms and their inverse.
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
#include <cmath>

#include "graph/lowering/linear.h"
#include "graph/rules/families.h"
#include "graph/rules/support/arguments.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/padding.h"
#include "network/floats.h"
#include "streams/pointwise.h"
#include "streams/trim.h"
#include "streams/windowed.h"

namespace torchstreamer::graph {
namespace {

// The first arguments of both directions, with PyTorch's defaults.
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

// Returns the window, by default a rectangle, padded on both sides to the size of the transform.
Tensor whole_window(const Transform& t, const Format& format) {
  const auto real = c10::toRealValueType(format.dtype);
  const Tensor window =
      t.window.defined() ? t.window
                         : at::ones({t.window_size}, at::TensorOptions(real).device(format.device));
  const int64_t left = (t.size - t.window_size) / 2;
  return at::constant_pad_nd(window, {left, t.size - t.window_size - left});
}

// The same in float64, times `factor`.
Tensor scaled_window(const Transform& t, const Format& format, double factor) {
  return whole_window(t, format).to(at::kDouble) * factor;
}

PadMode pad_mode(const Call& call, const std::string& name) {
  const auto mode = pad_mode_named(name);
  if (!mode)
    call.refuse("pad_mode='" + name + "' needs the end of the signal first; use 'reflect'");
  return *mode;
}

// (self, n_fft, hop_length, win_length, window, [center, pad_mode,] normalized, onesided,
// return_complex). Input: `[.., T]`. Output: `[.., frequencies, windows]`, followed by an axis with
// real and imaginary parts if the output is not complex.
std::vector<Value> stft(const Call& call) {
  Stream x = call.stream(0);
  const Transform t(call);
  require_time_axis(call, x, static_cast<int64_t>(x.shape.size()) - 1);
  const bool knows_center = call.node->input(5)->type()->isSubtypeOf(*c10::BoolType::get()) &&
                            call.node->input(6)->type()->isSubtypeOf(*c10::StringType::get());
  if (knows_center && call.boolean(5)) {
    PadOptions options;
    options.mode = pad_mode(call, call.constant(6).toStringRef());
    x = add_padding(call, x, t.size / 2, t.size / 2, options);
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
  const Format format = call.plan.format(x);
  if (!is_complex && lies_in_floats(format))
    window.computation =
        ShortTimeFourier{scaled_window(t, format, normalized ? 1 / std::sqrt(t.size) : 1), t.hop,
                         onesided.value_or(true)};
  return {add_linear_window(call, window, x, x.axis + 1)};
}

// Overlap-adds the inverse transforms and the squared windows. Input: `[n, B, frequencies]`, where
// `B` is optional, and optionally an axis with real and imaginary parts. Output: `[frames, B + 1]`,
// with the envelope last.
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

// Returns the computation of `sum`, the sums of a real signal and its envelope. The signal is
// linear in the spectra.
Computation overlapped(const Transform& t, const OverlapAddOptions& sum, const Tensor& squares,
                       bool normalized, const Format& in) {
  if (squares.scalar_type() != at::kFloat) return {};
  if (lies_in_floats(in)) {
    const auto size = static_cast<double>(t.size);
    return InverseShortTimeFourier{scaled_window(t, in, 1 / (normalized ? std::sqrt(size) : size)),
                                   scaled_window(t, in, 1).pow(2), t.hop};
  }
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

// Divides the signal by the envelope. Input: `[frames, B + 1]`. Output: `[frames, B]`, or
// `[frames]`.
PointwiseRule divided(bool has_batch) {
  return [has_batch](const Tensors& in) {
    const int64_t batch = in[0].size(1) - 1;
    const Tensor envelope = in[0].narrow(1, batch, 1);
    // As in torch.istft.
    if (envelope.abs().lt(DividedByLast::kLeast).any().item<bool>())
      throw Error(DividedByLast::kIsZero);
    const Tensor y = in[0].narrow(1, 0, batch) / envelope;
    return has_batch ? y : y.squeeze(1);
  };
}

// Returns the number of frames after the requested length in the sum of the windows; negative if
// the sum is too short.
Frames frames_after_length(const Call& call, const Transform& t, const Stream& x, int64_t start) {
  const Value& length = call.args[8];
  if (length.constant() && length.constant()->isNone()) return start;
  if (!length.constant() && !length.symbol()) call.refuse("its length is computed from the signal");
  auto frames_after = [=, windows = frames_of(call, x)](int64_t n) {
    const IValue& requested = length.symbol() ? (*length.symbol())->at(n) : *length.constant();
    return (windows(n) - 1) * t.hop + t.size - start - requested.toInt();
  };
  auto effect = [windows = frames_of(call, x)](int64_t n, int64_t frames) {
    return windows(n) > 0 ? frames : 0;
  };
  std::vector<SymbolPtr> symbols;
  if (length.symbol()) symbols.push_back(*length.symbol());
  return call.lengths.formula(frames_after, call.node, symbols, "its length", effect);
}

// Returns the maximum number of missing frames. If the length is a constant, it is the number for
// the shortest signals.
int64_t most_missing(const Call& call, const Frames& frames_after) {
  int64_t least = 0;
  for (int64_t n = 1; n < 2048; ++n) least = std::min(least, frames_after(n));
  for (const int64_t n : call.lengths.sampled()) least = std::min(least, frames_after(n));
  return -least;
}

// Refuses input that is not `[.., frequencies, windows]`, optionally followed by an axis with real
// and imaginary parts.
void check_spectra(const Call& call, const Transform& t, const Stream& x, bool onesided) {
  const int64_t parts = at::isComplexType(x.dtype) ? 0 : 1;
  const int64_t rank = static_cast<int64_t>(x.shape.size()) - parts;
  if (rank < 2 || rank > 3) call.refuse_shape("it does not run along the time axis");
  require_time_axis(call, x, rank - 1);
  if (parts && x.shape.back() != 2) call.refuse("it takes complex numbers or their two parts");
  const int64_t frequencies = onesided ? t.size / 2 + 1 : t.size;
  if (x.shape[rank - 2] != frequencies)
    call.refuse(
        c10::str("it takes ", frequencies, " frequencies and is given ", x.shape[rank - 2]));
  if (t.hop > t.window_size || t.window_size > t.size)
    call.refuse(c10::str("hop_length ", t.hop, " <= win_length ", t.window_size, " <= n_fft ",
                         t.size, " does not hold"));
}

// Adds the overlapping sums of signal and envelope, `[frames, B + 1]`.
Stream add_sums(const Call& call, const Transform& t, const Stream& x, bool has_batch) {
  const Format format = call.plan.format(x);
  const Tensor window = whole_window(t, format);
  const bool normalized = call.boolean(6), return_complex = call.boolean(9);
  OverlapAddOptions sum;
  sum.kernel_frames = t.size;
  sum.stride_frames = t.hop;
  sum.rule = signal_and_envelope(t, window, has_batch, normalized, return_complex);
  sum.description = t.describe("ISTFT");
  if (!return_complex) sum.computation = overlapped(t, sum, window.pow(2), normalized, format);
  return add_layer(call, overlap_add_layer(sum), x, 0);
}

// Removes the padding of centred windows and the frames after the requested length.
Stream add_crop(const Call& call, const Stream& x, int64_t start, const Frames& frames_after) {
  const bool is_fixed = call.args[8].is_constant() && call.constant(8).isInt();
  if (!is_fixed) return add_trim(call, x, start, positive(frames_after));
  TrimOptions trim;
  trim.start_frames = start;
  trim.limit_frames = call.integer(8);
  trim.description = c10::str("first ", start);
  return add_layer(call, trim1d_layer(trim), x);
}

Stream add_division(const Call& call, const Stream& x, bool has_batch) {
  PointwiseOptions division{divided(has_batch), "divide by the windows"};
  if (!call.boolean(9)) division.computation = DividedByLast{};
  return add_layer(call, pointwise_layer(division), x, has_batch ? 1 : 0);
}

// Adds zeros up to the requested length.
Stream add_zeros(const Call& call, const Stream& x, const Frames& frames_after) {
  PadOptions zeros;
  zeros.right_frames = positive(negated(frames_after));
  zeros.most_right_frames = most_missing(call, frames_after);
  if (zeros.most_right_frames == 0) return x;
  const Format format = call.plan.format(x);
  zeros.after = at::zeros({}, format.options()).expand(format.shape(zeros.most_right_frames));
  return add_layer(call, pad1d_layer(zeros), x);
}

// (self, n_fft, hop_length, win_length, window, center, normalized, onesided, length,
// return_complex). The semantics of torch.istft (aten/src/ATen/native/SpectralOps.cpp):
//
//   (1) windows and squared windows are summed     (3) the signal is divided by the squares
//   (2) the sums are cropped                       (4) zeros follow up to `length`
std::vector<Value> istft(const Call& call) {
  const Stream x = call.stream(0);
  const Transform t(call);
  const int rank = static_cast<int>(x.shape.size()) - (at::isComplexType(x.dtype) ? 0 : 1);
  const bool has_batch = rank == 3;
  const bool onesided = optional_boolean(call, 7).value_or(rank < 2 || x.shape[rank - 2] != t.size);
  check_spectra(call, t, x, onesided);
  const int64_t start = call.boolean(5) ? t.size / 2 : 0;
  const Frames frames_after = frames_after_length(call, t, x, start);
  Stream y = add_sums(call, t, x, has_batch);  // (1)
  y = add_crop(call, y, start, frames_after);  // (2)
  y = add_division(call, y, has_batch);        // (3)
  return {add_zeros(call, y, frames_after)};   // (4)
}

}  // namespace

const RuleRows& spectral_rules() {
  static const RuleRows rows = {
      {"aten::istft", istft},
      {"aten::stft", stft},
  };
  return rows;
}

}  // namespace torchstreamer::graph
