#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <c10/util/StringUtil.h>

#include "graph/lowering/linear.h"
#include "graph/rules/rules.h"
#include "streams/conv.h"
#include "streams/conv_transpose.h"
#include "streams/pointwise.h"
#include "streams/windowed.h"

namespace torchstreamer::graph {
namespace {

using Sizes = std::vector<int64_t>;

// The arguments of a convolution, one entry for each of its axes.
struct Geometry {
  Sizes stride, dilation;
  int64_t groups;
  Sizes left, right;  // padding; the same at both sides of a transposed convolution
  Sizes output_padding;
};

int64_t axes_of(const Call& call) { return call.tensor(1).dim() - 2; }

// A list argument, one entry for each axis.
Sizes entries(const Call& call, size_t i) { return graph::entries(call, i, axes_of(call)); }

// Which of the axes of the convolution is time: -1 where the frames are the entries of its batch.
int time_axis(const Call& call) {
  const Stream x = call.stream(0);
  const int64_t rank = static_cast<int64_t>(x.shape.size()), axes = axes_of(call);
  const int64_t batch_rank = rank - axes - 1;
  if (batch_rank < 0 || batch_rank > 1)
    call.refuse(c10::str("it takes signals of rank ", axes + 1, " or ", axes + 2, ", not ", rank));
  if (batch_rank == 1 && x.axis == 0) return -1;
  const int64_t time = x.axis - (rank - axes);
  if (time < 0) call.refuse("it does not run along the time axis");
  if (axes > 2) call.refuse("only 1-d and 2-d convolutions run along the time axis");
  return static_cast<int>(time);
}

// The signal of a 1-d convolution and the channels it must have.
Stream signal(const Call& call, int64_t channels) {
  const Stream x = call.stream(0);
  const int64_t given = x.shape.end()[-2];
  if (given != channels)
    throw ChannelMismatch(
        refusal(call.node, c10::str("it takes ", channels, " channels and is given ", given))
            .what(),
        channels);
  return x;
}

Stream with_channels(Stream x, int64_t channels) {
  x.shape[x.shape.size() - 2] = channels;
  return x;
}

std::string described(const Call& call, const char* name, const Geometry& g) {
  return c10::str(name, "(weight ", call.tensor(1).sizes(), ", stride ", at::IntArrayRef(g.stride),
                  ", dilation ", at::IntArrayRef(g.dilation), ", groups ", g.groups, ")");
}

// A convolution over time and another axis, which is padded here; time has its padding already.
LayerPtr conv2d_layer(const Call& call, const Stream& x, int time, const Geometry& g) {
  const Tensor weight = call.tensor(1), bias = call.tensor(2);
  Sizes padding = g.left, extra(4, 0);  // padding="same" may need one more behind the other axis
  padding[time] = 0;
  const int other = 1 - time;
  extra[other == 1 ? 1 : 3] = g.right[other] - g.left[other];
  WindowOptions window;
  window.rule = [=, axis = x.axis](const Tensor& frames) {
    return at::conv2d(at::constant_pad_nd(frames.movedim(0, axis), extra), weight, bias, g.stride,
                      padding, g.dilation, g.groups)
        .movedim(axis, 0);
  };
  window.kernel_frames = span_frames(weight.size(2 + time), g.dilation[time]);
  window.stride_frames = g.stride[time];
  window.description = described(call, "Conv2d", g);
  window.computation = linear_window(window, call.plan.format(x));
  return window_layer(window);
}

// The sums of a transposed convolution over time and another axis, which is cropped here.
LayerPtr conv_transpose2d_layer(const Call& call, const Stream& x, int time, const Geometry& g,
                                int64_t extra_frames) {
  const Tensor weight = call.tensor(1);
  Sizes padding = g.left, output_padding = g.output_padding;
  padding[time] = output_padding[time] = 0;
  OverlapAddOptions overlap;
  overlap.rule = [=, axis = x.axis](const Tensor& frames) {
    return at::conv_transpose2d(frames.movedim(0, axis), weight, /*bias=*/{}, g.stride, padding,
                                output_padding, g.groups, g.dilation)
        .movedim(axis, 0);
  };
  overlap.kernel_frames = span_frames(weight.size(2 + time), g.dilation[time]);
  overlap.stride_frames = g.stride[time];
  overlap.description = described(call, "ConvTranspose2d", g);
  overlap.extra_frames = extra_frames;
  overlap.computation = linear_overlap(overlap, call.plan.format(x));
  return overlap_add_layer(overlap);
}

// Adds `bias`, `[C]`, to the frames of `[.., C, time and another axis]`. It belongs to each frame
// once, so it follows the sum.
Stream with_bias(const Call& call, const Stream& x, const Tensor& bias) {
  if (!bias.defined()) return x;
  auto rule = [bias = bias.unsqueeze(-1)](const Tensors& in) { return in[0] + bias; };
  const Format format = call.plan.format(x);
  const Tensor frame = bias.unsqueeze(-1).expand(format.frame).flatten();
  PointwiseOptions options{rule, "bias"};
  options.computation =
      Elementwise{Function::kAdd, {Operand::of_input(0), Operand::of_constant(frame)}, 1, 0};
  return applied(call, pointwise_layer(options), x, x.axis);
}

std::vector<Value> convolve(const Call& call, const Geometry& g) {
  const int time = time_axis(call);
  if (time < 0) return pointwise(call);
  const Tensor weight = call.tensor(1);
  const int64_t stride = g.stride[time];
  const bool is_2d = weight.dim() == 4;
  Stream x = is_2d ? call.stream(0) : signal(call, weight.size(1) * g.groups);
  if (call.plan.padding() == Padding::kModel)
    x = padded(call, x, g.left[time], g.right[time]);
  else
    x.shift = x.shift + Rational(g.left[time]);
  Stream y =
      is_2d ? applied(call, conv2d_layer(call, x, time, g), x, x.axis)
            : call.plan.add(call.node,
                            conv1d_layer({weight, call.tensor(2), stride, g.dilation[0], g.groups}),
                            {x}, with_channels(x, weight.size(0)));
  y.shift = x.shift / Rational(stride);
  return {y};
}

std::vector<Value> convolve_transposed(const Call& call, const Geometry& g) {
  const int time = time_axis(call);
  if (time < 0) return pointwise(call);
  const Tensor weight = call.tensor(1);
  const int64_t stride = g.stride[time], padding = g.left[time];
  const int64_t output_padding = g.output_padding[time];
  const bool is_2d = weight.dim() == 4, valid = call.plan.padding() == Padding::kValid;
  const Stream x = is_2d ? call.stream(0) : signal(call, weight.size(0));
  // What the padding cuts off at the end, output_padding puts there again.
  const int64_t extra = valid ? output_padding : std::max<int64_t>(0, output_padding - padding);
  Stream y =
      is_2d ? with_bias(call,
                        applied(call, conv_transpose2d_layer(call, x, time, g, extra), x, x.axis),
                        call.tensor(2))
            : call.plan.add(call.node,
                            conv_transpose1d_layer(
                                {weight, call.tensor(2), stride, g.dilation[0], g.groups}, extra),
                            {x}, with_channels(x, weight.size(1) * g.groups));
  y.shift = x.shift * Rational(stride) - Rational(valid ? padding : 0);
  if (!valid) y = trimmed(call, y, padding, std::max<int64_t>(0, padding - output_padding));
  guard_against_none(call, y);  // cropped away it is an error
  return {y};
}

}  // namespace

// (input, weight, bias, stride, padding, dilation, groups); padding may be "same" or "valid".
std::vector<Value> convolution_nd(const Call& call) {
  if (call.constant(4).isString()) return convolution_mode(call);
  const Sizes padding = entries(call, 4);
  return convolve(call,
                  {entries(call, 3), entries(call, 5), call.integer(6), padding, padding, {}});
}

// (input, weight, bias, stride, padding mode, dilation, groups).
std::vector<Value> convolution_mode(const Call& call) {
  Geometry g{entries(call, 3), entries(call, 5), call.integer(6), {}, {}, {}};
  const bool same = call.constant(4).toStringRef() == "same";
  for (int64_t axis = 0; axis < axes_of(call); ++axis) {
    const int64_t total = same ? g.dilation[axis] * (call.tensor(1).size(2 + axis) - 1) : 0;
    g.left.push_back(total / 2);
    g.right.push_back(total - total / 2);
  }
  return convolve(call, g);
}

// (input, weight, bias, stride, padding, dilation, transposed, output_padding, groups, ...).
std::vector<Value> convolution(const Call& call) {
  const Sizes padding = entries(call, 4);
  const Geometry g{entries(call, 3), entries(call, 5), call.integer(8),
                   padding,          padding,          entries(call, 7)};
  return call.boolean(6) ? convolve_transposed(call, g) : convolve(call, g);
}

// (input, weight, bias, stride, padding, output_padding, groups, dilation).
std::vector<Value> convolution_transpose(const Call& call) {
  const Sizes padding = entries(call, 4);
  return convolve_transposed(call, {entries(call, 3), entries(call, 7), call.integer(6), padding,
                                    padding, entries(call, 5)});
}

}  // namespace torchstreamer::graph
