// Which instruction sets the kernels are compiled for, besides the compiler's own: before Highway
// is included. Of the others none changes what the kernels can do.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
