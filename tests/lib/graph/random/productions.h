// The productions of random nets, by file. Each returns the new signal, or nothing if the
// production does not fit the signal.
#pragma once

#include "lib/graph/random/writer.h"

namespace torchstreamer::testing {

// windows.cpp
Made convolution(Writer& w, const Signal& x);
Made transposed_convolution(Writer& w, const Signal& x);
Made pool(Writer& w, const Signal& x);
Made padding(Writer& w, const Signal& x);
Made slice(Writer& w, const Signal& x);
Made multiple(Writer& w, const Signal& x);
Made cropped_to_multiple(Writer& w, const Signal& x);
Made padded_to_multiple(Writer& w, const Signal& x);

// pointwise.cpp
Made activation(Writer& w, const Signal& x);
Made prelu(Writer& w, const Signal& x);
Made arithmetic(Writer& w, const Signal& x);
Made scaled(Writer& w, const Signal& x);
Made batch_norm(Writer& w, const Signal& x);
Made layer_norm(Writer& w, const Signal& x);
Made linear(Writer& w, const Signal& x);
Made matrix(Writer& w, const Signal& x);

// channels.cpp
Made over_channels(Writer& w, const Signal& x);
Made one_channel(Writer& w, const Signal& x);
Made glu(Writer& w, const Signal& x);
Made split(Writer& w, const Signal& x);
Made shuffle(Writer& w, const Signal& x);
Made fold_batch(Writer& w, const Signal& x);
Made other_layout(Writer& w, const Signal& x);
Made cumulative_sum(Writer& w, const Signal& x);
Made recurrent(Writer& w, const Signal& x);

// rates.cpp
Made repeated(Writer& w, const Signal& x);
Made pixel_shuffle(Writer& w, const Signal& x);
Made framed(Writer& w, const Signal& x);
Made nearest(Writer& w, const Signal& x);
Made linear_upsampling(Writer& w, const Signal& x);
Made unfold(Writer& w, const Signal& x);
Made magnitudes(Writer& w, const Signal& x);
Made filtered_spectrum(Writer& w, const Signal& x);
Made convolution_2d(Writer& w, const Signal& x);

// memories.cpp
Made joined_with_constant(Writer& w, const Signal& x);
Made difference(Writer& w, const Signal& x);
Made cumulative_maximum(Writer& w, const Signal& x);
Made positional(Writer& w, const Signal& x);
Made attention(Writer& w, const Signal& x);
Made control_flow(Writer& w, const Signal& x);
Made in_place(Writer& w, const Signal& x);
Made slice_assignment(Writer& w, const Signal& x);
Made method(Writer& w, const Signal& x);
Made residual_stack(Writer& w, const Signal& x);

// joins.cpp
Made join(Writer& w, const Signal& x);
Made joined(Writer& w, const Signal& one, const Signal& other);

}  // namespace torchstreamer::testing
