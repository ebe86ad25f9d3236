// Functions of samples, fused with the kernels whose outputs are their operands.
#pragma once

#include "native/kernels/kernel.h"
#include "native/simd/memory.h"

namespace torchstreamer::native {

/// Functions of samples in the order of execution. Their operands are the sum of the outputs of all
/// heads, if there are any, and other inputs. The last result is the output.
struct Chain {
  struct Head {
    KernelPtr kernel;
    /// Number of inputs of the kernel; the inputs of all heads come first in the chain.
    int inputs = 0;
  };
  struct Source {
    enum Kind { kInput, kHead, kResult, kConstant } kind = kInput;
    int index = 0;  ///< index of the input, the instruction or the constant
  };
  struct Instruction {
    Function function;
    double p = 0, q = 0;
    std::vector<Source> operands;
  };
  std::vector<Head> heads;  ///< each but the first adds to the output of the first
  std::vector<Instruction> instructions;
  std::vector<AlignedFloats> constants;  ///< each is one frame
  int64_t samples = 0;                   ///< number of samples of one frame
};

KernelPtr make_chain(Chain chain);

}  // namespace torchstreamer::native
