// Functions of samples, fused with the kernels whose outputs they take.
#pragma once

#include "native/kernels/kernel.h"
#include "native/simd/memory.h"

namespace torchstreamer::native {

/// Functions of samples in the order in which they run, over the sum of the outputs of all heads
/// and over other inputs, or over inputs alone. The last result is the output.
struct Chain {
  struct Head {
    KernelPtr kernel;
    int inputs = 0;  ///< number of inputs of the kernel: the first of the chain's, head after head
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
  std::vector<Head> heads;  ///< all but the first add to the output of the first
  std::vector<Instruction> instructions;
  std::vector<AlignedFloats> constants;  ///< one frame each
  int64_t samples = 0;                   ///< of one frame
};

KernelPtr make_chain(Chain chain);

}  // namespace torchstreamer::native
