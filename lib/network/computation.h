// The computation of a layer as data, for executions other than the layer's own State. The samples
// of a frame are float32 values; a complex number is two samples.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "support/tensor.h"

namespace torchstreamer {

/// torch.nn.functional.conv1d without padding. `weight`: [out, in / groups, kernel].
struct Convolution1d {
  Tensor weight, bias;
  int64_t stride = 1, dilation = 1, groups = 1;
};

/// torch.nn.functional.conv_transpose1d without padding. `weight`: [in, out / groups, kernel].
struct TransposedConvolution1d {
  Tensor weight, bias;
  int64_t stride = 1, dilation = 1, groups = 1;
  /// [kernel], not dilated. If defined, the output has an additional channel, to which every input
  /// frame adds these values. Used for the sum of squared windows of an inverse STFT.
  Tensor envelope = {};
};

/// torch.stft of real signals without padding: spectra of windows, one every `hop_frames` frames.
struct ShortTimeFourier {
  Tensor window;  ///< [n_fft], float64, times the factor of the normalisation
  int64_t hop_frames = 1;
  bool is_onesided = true;  ///< otherwise the negative frequencies follow the others
};

/// torch.istft before the division by the envelope: the overlapping inverse transforms of the
/// spectra of real signals, and the sum of the envelopes of all spectra as the last sample.
/// Frequencies above n_fft / 2 are ignored.
struct InverseShortTimeFourier {
  Tensor window;    ///< [n_fft], float64, times the factor of the normalisation
  Tensor envelope;  ///< [n_fft], the squares of the window
  int64_t hop_frames = 1;
};

/// A function of one sample. a and b are the operands, p and q the parameters.
enum class Function {
  kAdd,        ///< a + p * b
  kMultiply,   ///< a * b
  kDivide,     ///< a / b
  kMaximum,    ///< max(a, b)
  kMinimum,    ///< min(a, b)
  kPrelu,      ///< a > 0 ? a : b * a
  kScale,      ///< p * a + q
  kLeakyRelu,  ///< a > 0 ? a : p * a
  kClamp,      ///< min(max(a, p), q)
  kElu,        ///< a > 0 ? a : p * (exp(a) - 1)
  kFill,       ///< q for any a
  kRelu,
  kAbs,
  kSquare,
  kSqrt,
  kReciprocal,
  kExp,
  kLog,
  kLog1p,
  kGelu,      ///< a * (1 + erf(a / sqrt(2))) / 2
  kSoftplus,  ///< p * a > q ? a : log(1 + exp(p * a)) / p
  kSign,
  kFloor,
  kRound,  ///< halves to even numbers
  kSin,
  kCos,
  kTanh,
  kSigmoid,
  kSilu
};

struct Elementwise;

/// An operand of a Function: an input of the layer, a constant frame, or the result of another
/// Function.
struct Operand {
  static Operand of_input(int input, std::vector<int64_t> spread = {});
  static Operand of_constant(Tensor frame);
  static Operand of_result(Elementwise result);

  int input = -1;  ///< -1: `result` or `constant`
  Tensor constant;
  /// For an input whose frames are broadcast to those of the output: the index of the input sample
  /// for each output sample. If empty, the index is the same.
  std::vector<int64_t> spread;
  std::shared_ptr<const Elementwise> result = nullptr;
};

struct Elementwise {
  Function function;
  std::vector<Operand> operands;
  double p = 0, q = 0;
};

inline Operand Operand::of_input(int input, std::vector<int64_t> spread) {
  Operand operand;
  operand.input = input;
  operand.spread = std::move(spread);
  return operand;
}

inline Operand Operand::of_constant(Tensor frame) {
  Operand operand;
  operand.constant = std::move(frame);
  return operand;
}

inline Operand Operand::of_result(Elementwise result) {
  Operand operand;
  operand.result = std::make_shared<const Elementwise>(std::move(result));
  return operand;
}

/// a * scale + shift for each sample of a frame: BatchNorm. `scale`, `shift`: [samples].
struct Affine {
  Tensor scale, shift;
};

/// GLU: the first half of a frame's samples times the sigmoid of the second half.
struct Glu {};

/// All samples of a frame except the last, divided by the last.
struct DividedByLast {
  static constexpr double kLeast = 1e-11;  ///< a smaller divisor is an error, as in torch.istft
  static constexpr const char* kIsZero =
      "istft: the windows do not overlap enough; their squares sum to 0 somewhere";
};

/// The same samples, in frames of the same or a different shape.
struct Identity {};

/// Samples in a different order: `rate` output frames for each `block` frames of every input.
struct Rearrangement {
  struct From {
    int input;       ///< kZero: the sample is 0
    int64_t sample;  ///< index in the block of frames of that input
  };
  static constexpr int kZero = -1;
  std::vector<From> samples;  ///< origin of each sample of the output frames
  int64_t rate = 1, block = 1;
};

/// Removes the first `start` frames, and frames at the end; the timing gives their number.
struct Trim {
  int64_t start = 0;
};

/// Every `step`th frame.
struct Decimation {
  int64_t step = 1;
};

/// A statistic or normalisation along the middle axis of a frame: `[outer, size, inner]`.
struct Reduction {
  enum Kind {
    kSum,
    kMaximum,
    kVariance,   ///< sum of squared distances from the mean, divided by `size - p`
    kDeviation,  ///< square root of the variance
    kSoftmax,    ///< keeps the number of samples
    kLogSoftmax,
    kNormalised  ///< (x - mean) / sqrt(variance + p), times `scale` plus `shift` if defined
  } kind = kSum;
  int64_t outer = 1, size = 1, inner = 1;
  double p = 0;
  double factor = 1;    ///< factor of sums and variances
  Tensor scale, shift;  ///< [samples]
};

enum class PadMode { kConstant, kReflect, kReplicate };

/// Inserts frames before and after the signal. The timing gives the number of frames after it,
/// which is at most `most_right_frames`.
struct Padding1d {
  PadMode mode = PadMode::kConstant;
  int64_t left_frames = 0, most_right_frames = 0;
  /// The frames that kConstant adds: `[left_frames, ...]` and `[most_right_frames, ...]`. Only the
  /// first frames of `after` are used if fewer are added. Zeros if both are undefined.
  Tensor before, after;
};

/// torch.nn.functional.max_pool1d and avg_pool1d over input that is already padded.
struct Pool1d {
  enum class Kind { kMax, kAverage } kind = Kind::kMax;
  int64_t kernel_frames = 1;
  int64_t stride_frames = 1;
  int64_t dilation_frames = 1;
  /// Number of frames with which the input was padded on each side. The pool does not pad, but its
  /// divisor and the windows that `ceil_mode` adds depend on this number.
  int64_t padding_frames = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
};

/// Resampling by nearest neighbour or linear interpolation: every output frame has a position
/// between two input frames. The last input frame is repeated after the end.
struct Interpolation {
  struct Source {
    int64_t first;  ///< index of the input frame; never smaller than for earlier output frames
    double weight;  ///< weight of the next input frame; the weight of `first` is 1 - weight
  };
  std::function<Source(int64_t frame_out)> source;
  bool is_linear = false;     ///< otherwise the weights are 0
  int64_t copied_frames = 0;  ///< signals of up to this length are copied
};

/// The sum of all frames so far, in float64.
struct CumulativeSum {};

/// The frame `start + index * step`, whatever the input is, computed in float64. `index`: its index
/// in the signal. `start`, `step`: [samples].
struct Ramp {
  std::vector<double> start, step;
};

/// LSTM and GRU over frames. Each layer has its weights in PyTorch's order of gates (LSTM: i, f, g,
/// o; GRU: r, z, n). Biases may be undefined. The initial states are `[layers, hidden]`.
struct Recurrence {
  struct Layer {
    Tensor input_weight, hidden_weight, input_bias, hidden_bias;
  };
  bool is_lstm = true;
  std::vector<Layer> layers;
  Tensor initial_h, initial_c;
};

/// std::monostate: not expressed as data; the layer's State computes it.
using Computation = std::variant<std::monostate, Identity, Convolution1d, TransposedConvolution1d,
                                 ShortTimeFourier, InverseShortTimeFourier, Elementwise, Affine,
                                 Glu, DividedByLast, Rearrangement, Reduction, Trim, Decimation,
                                 Padding1d, Pool1d, Interpolation, CumulativeSum, Ramp, Recurrence>;

}  // namespace torchstreamer
