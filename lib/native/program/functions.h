// Compiles functions of samples to chains and fuses them with the drafts of their inputs.
#pragma once

#include "native/program/drafts.h"

namespace torchstreamer::native {

/// Compiles node n. For the sum of two convolutions, the second convolution adds to the output of
/// the first.
void add_elementwise(Drafts& drafts, int n, const Elementwise& elementwise);

/// Compiles node n. If its input is a convolution, scale and shift are folded into the weights of
/// the convolution.
void add_affine(Drafts& drafts, int n, const Affine& affine);

/// Compiles node n, a Glu.
void add_glu(Drafts& drafts, int n);

/// Appends function(output, constant) to the draft of node n. `constant`: one frame.
void append_function(Drafts& drafts, int n, Function function, const Tensor& constant);

}  // namespace torchstreamer::native
