// Convolutions. They are not in the table of kernels, because following functions are folded into
// their weights, and sums of convolutions are computed in place.
#pragma once

#include "native/kernels/kernel.h"

namespace torchstreamer::native {

/// `x_pitch`: floats from one input frame to the next. `adds`: adds to the values of the output.
KernelPtr make_convolution(const Convolution1d& convolution, int64_t x_pitch, bool adds = false);

/// Numbers of zero frames that a transposed convolution reads before and after its input.
struct ZeroFrames {
  int64_t lead = 0, trail = 0;
};
ZeroFrames zeros_around(const TransposedConvolution1d& convolution, const Timing& timing);

/// The input must be surrounded by zeros_around() frames.
KernelPtr make_transposed_convolution(const TransposedConvolution1d& convolution, int64_t x_pitch);

}  // namespace torchstreamer::native
