// Compilation of functions of samples to chains, fused with the drafts whose output they read.
#pragma once

#include "native/program/drafts.h"

namespace torchstreamer::native {

/// Compiles node n. The sum of two convolutions is computed in place by the convolutions.
void add_elementwise(Drafts& drafts, int n, const Elementwise& elementwise);

/// Compiles node n. Scale and shift are folded into the weights of a convolution before it.
void add_affine(Drafts& drafts, int n, const Affine& affine);

/// Compiles node n, a Glu.
void add_glu(Drafts& drafts, int n);

/// Appends function(output, constant) to the draft of node n. `constant`: one frame.
void append_function(Drafts& drafts, int n, Function function, const Tensor& constant);

}  // namespace torchstreamer::native
