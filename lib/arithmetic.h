// What a layer computes, said as data: so an execution other than the layer's own State can do it.
#pragma once

#include <variant>
#include <vector>

#include "tensor.h"

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
  kSin,
  kCos,
  kTanh,
  kSigmoid,
  kSilu
};

/// An operand of a Function: one of the layer's inputs, or the same frame at all times.
struct Operand {
  int input = -1;  ///< -1: `constant`
  Tensor constant;
  /// For an input whose frames are broadcast to those of the output: which of its samples each of
  /// the output's sees. Empty: each its own.
  std::vector<int64_t> spread;
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

/// Frames of another shape, their samples as they were.
struct Identity {};

/// Samples put to other places: of each `block` frames of every input, `rate` frames are made.
struct Rearrangement {
  struct From {
    int input;
    int64_t sample;  ///< in the block of frames of that input
  };
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

/// Zeros before the signal, and behind it as many as the timing says, `most_right_frames` at most.
struct ZeroPadding {
  int64_t left_frames = 0, most_right_frames = 0;
};

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
                 Affine, Gate, Rearrangement, Trim, Decimation, ZeroPadding, Recurrence>;

}  // namespace torchstreamer
