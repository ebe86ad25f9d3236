// The table of kernels: one row for each type of computation, with the source that defines it.
//
// A computation without a row here is compiled by program/compile.cpp itself: as a view of its
// input, a convolution or a chain of functions.
#pragma once

#include "native/kernels/kernel.h"

namespace torchstreamer::native {

/// The process for which a kernel is made.
struct KernelSite {
  LayerPtr layer;
  std::vector<Format> in;
  Format out;
  int64_t x_pitch = 0;  ///< floats from one frame of the first input to the next
};

KernelPtr make_kernel(const CumulativeSum&, const KernelSite&);            // accumulate.cpp
KernelPtr make_kernel(const DividedByLast&, const KernelSite&);            // fourier.cpp
KernelPtr make_kernel(const InverseShortTimeFourier&, const KernelSite&);  // fourier.cpp
KernelPtr make_kernel(const Interpolation&, const KernelSite&);            // interpolate.cpp
KernelPtr make_kernel(const Padding1d&, const KernelSite&);                // pad.cpp
KernelPtr make_kernel(const Pool1d&, const KernelSite&);                   // pool.cpp
KernelPtr make_kernel(const Ramp&, const KernelSite&);                     // accumulate.cpp
KernelPtr make_kernel(const Rearrangement&, const KernelSite&);            // rearrange.cpp
KernelPtr make_kernel(const Recurrence&, const KernelSite&);               // recurrent.cpp
KernelPtr make_kernel(const Reduction&, const KernelSite&);                // reduce.cpp
KernelPtr make_kernel(const ShortTimeFourier&, const KernelSite&);         // fourier.cpp
KernelPtr make_kernel(const std::monostate&, const KernelSite&);           // fallback.cpp

}  // namespace torchstreamer::native
