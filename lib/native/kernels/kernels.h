// The kernels, each in the file of that name.
#pragma once

#include "native/kernels/kernel.h"
#include "native/simd/elementwise.h"
#include "native/simd/memory.h"

namespace torchstreamer::native {

/// convolve.cpp. `x_pitch`: floats from one input frame to the next. `adds`: to what is in the
/// output already.
KernelPtr convolve(const Convolution1d& convolution, int64_t x_pitch, bool adds = false);

/// The zeros that a transposed convolution reads before and behind its input.
struct Zeros {
  int64_t lead = 0, trail = 0;
};
Zeros zeros_of(const TransposedConvolution1d& convolution, const Timing& timing);
KernelPtr convolve_transposed(const TransposedConvolution1d& convolution, int64_t x_pitch);

/// chain.cpp. Functions of samples, one after the other, over what the `heads` make together or,
/// without any, over inputs alone.
struct Chain {
  struct Head {
    KernelPtr kernel;
    int inputs = 0;  ///< how many of the chain's are its: those of all heads come first
  };
  struct Source {
    enum Kind { kInput, kHead, kResult, kConstant } kind = kInput;
    int index = 0;  ///< of the input, the instruction or the constant
  };
  struct Instruction {
    Function function;
    double p = 0, q = 0;
    std::vector<Source> operands;
  };
  std::vector<Head> heads;
  std::vector<Instruction> instructions;
  std::vector<AlignedFloats> constants;  ///< each one frame
  int64_t samples = 0;                   ///< of a frame
};
KernelPtr chain(Chain chain);

// Of an input of `samples` samples a frame:

/// pad.cpp.
KernelPtr pad(const Padding1d& padding, int64_t samples);
/// pool.cpp.
KernelPtr pool(const Pool1d& pool, int64_t samples);
/// interpolate.cpp.
KernelPtr interpolate(const Interpolation& interpolation, int64_t samples);
/// accumulate.cpp. The sum of all frames so far.
KernelPtr accumulate(int64_t samples);

/// divide.cpp. DividedByLast, with `samples` of the output.
KernelPtr divide_by_last(int64_t samples);

/// reduce.cpp. Without `scale` and `shift`.
KernelPtr reduce(const Reduction& reduction);

/// rearrange.cpp. `frame_samples`: of each input.
KernelPtr rearrange(const Rearrangement& rearrangement, std::vector<int64_t> frame_samples);

/// recurrent.cpp.
KernelPtr recurrent(const Recurrence& recurrence, int64_t x_pitch);

/// aten.cpp. The layer's own State; `in`, `out`: the formats around it.
KernelPtr run_state(LayerPtr layer, std::vector<Format> in, Format out);

/// The values of a float32 tensor, copied; none of an undefined one.
AlignedFloats floats_in(const Tensor& x);

/// The values of a float32 tensor in one run of memory, or null of an undefined one.
class Floats {
 public:
  explicit Floats(const Tensor& x) : x_(x.defined() ? x.contiguous() : x) {}
  operator const float*() const { return x_.defined() ? x_.data_ptr<float>() : nullptr; }

 private:
  Tensor x_;
};

/// Floats that a frame of this format lies in, in memory that tensors of its type are made of.
int64_t floats_of(const Format& format);

}  // namespace torchstreamer::native
