// What a layer computes, said as data: so an execution other than the layer's own State can do it.
// The samples of a frame are float32 values; a complex number is two of them.
#pragma once

#include <functional>
#include <memory>
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
  /// [kernel], not dilated: what each frame adds to one more channel, if defined.
  Tensor once = {};
};

/// What is done to every sample by itself. a and b are the operands, p and q the parameters.
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
  kFill,       ///< q, whatever a is
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

/// An operand of a Function: one of the layer's inputs, the same frame at all times, or what
/// another Function makes.
struct Operand {
  int input = -1;  ///< -1: `result` or `constant`
  Tensor constant;
  /// For an input whose frames are broadcast to those of the output: which of its samples each of
  /// the output's sees. Empty: each its own.
  std::vector<int64_t> spread;
  std::shared_ptr<const Elementwise> result = nullptr;
};

struct Elementwise {
  Function function;
  std::vector<Operand> operands;
  double p = 0, q = 0;
};

/// a * scale + shift for each sample of a frame: BatchNorm. `scale`, `shift`: [samples].
struct Affine {
  Tensor scale, shift;
};

/// The first half of a frame's samples times the sigmoid of the second: GLU.
struct Gate {};

/// All samples of a frame but the last, divided by that one.
struct DividedByLast {
  static constexpr double kLeast = 1e-11;  ///< what is nearer to 0 is an error, as in torch.istft
  static constexpr const char* kIsZero =
      "istft: the windows do not overlap enough; their squares sum to 0 somewhere";
};

/// Frames of another shape, their samples as they were.
struct Identity {};

/// Samples put to other places: of each `block` frames of every input, `rate` frames are made.
struct Rearrangement {
  struct From {
    int input;       ///< kZero: none, the sample is 0
    int64_t sample;  ///< in the block of frames of that input
  };
  static constexpr int kZero = -1;
  std::vector<From> samples;  ///< for each sample of the frames that are made
  int64_t rate = 1, block = 1;
};

/// The first `start` frames are left out, and as many at the end as the timing says.
struct Trim {
  int64_t start = 0;
};

/// Every `step`th frame.
struct Decimation {
  int64_t step = 1;
};

/// What is made of the samples along one axis of a frame: `[outer, size, inner]`.
struct Reduction {
  enum Kind {
    kSum,
    kMaximum,
    kVariance,   ///< the squared distances from their mean, over `size - p`
    kDeviation,  ///< the root of that
    kSoftmax,    ///< as many samples as before
    kLogSoftmax,
    kNormalised  ///< (x - mean) / sqrt(variance + p), with `scale` and `shift` if defined
  } kind = kSum;
  int64_t outer = 1, size = 1, inner = 1;
  double p = 0, factor = 1;  ///< `factor`: of sums and variances
  Tensor scale, shift;       ///< [samples]
};

enum class PadMode { kConstant, kReflect, kReplicate };

/// Frames before the signal, and behind it as many as the timing says, `most_right_frames` at most.
struct Padding1d {
  PadMode mode = PadMode::kConstant;
  int64_t left_frames = 0, most_right_frames = 0;
  /// What kConstant adds: `[left_frames, ...]` and `[most_right_frames, ...]`, of which the first
  /// are taken. Zeros where both are undefined.
  Tensor before, after;
};

/// torch.nn.functional.max_pool1d and avg_pool1d over input that is already padded.
struct Pool1d {
  enum class Kind { kMax, kAverage } kind = Kind::kMax;
  int64_t kernel_frames = 1;
  int64_t stride_frames = 1;
  int64_t dilation_frames = 1;
  /// Frames by which the input was padded at either side: the pool does not pad, but its divisor
  /// and the windows that `ceil_mode` adds depend on it.
  int64_t padding_frames = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
};

/// Each output frame lies at a position among the input frames. Behind the last of those it is
/// repeated.
struct Interpolation {
  struct Source {
    int64_t first;  ///< grows with the output frame
    double weight;  ///< of the frame behind it
  };
  std::function<Source(int64_t frame_out)> source;
  bool is_linear = false;     ///< otherwise the weights are 0
  int64_t copied_frames = 0;  ///< signals of up to this length are their own output
};

/// The sum of all frames so far, in float64.
struct CumulativeSum {};

/// LSTM and GRU over frames. Each layer has its weights as PyTorch lays them out (lstm: i, f, g, o;
/// gru: r, z, n); biases may be undefined. `initial`: [layers][hidden] in one, h before c.
struct Recurrence {
  struct Layer {
    Tensor input_weight, hidden_weight, input_bias, hidden_bias;
  };
  bool is_lstm = true;
  std::vector<Layer> layers;
  Tensor initial_h, initial_c;
};

/// std::monostate: only the layer's State knows.
using Arithmetic =
    std::variant<std::monostate, Identity, Convolution1d, TransposedConvolution1d, Elementwise,
                 Affine, Gate, DividedByLast, Rearrangement, Reduction, Trim, Decimation, Padding1d,
                 Pool1d, Interpolation, CumulativeSum, Recurrence>;

}  // namespace torchstreamer
