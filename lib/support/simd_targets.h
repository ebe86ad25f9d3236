// Instruction sets for which Highway does not compile the kernels. Included before Highway.
//
// SSSE3 and AVX3_DL add no instructions that the kernels use. The compiler does not know the vector
// length of SVE and RVV: such vectors cannot be elements of arrays.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
