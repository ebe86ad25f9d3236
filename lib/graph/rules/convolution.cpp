// Convolutions and transposed convolutions over time, or over time and one more axis.
#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <c10/util/StringUtil.h>

#include "graph/lowering/linear.h"
#include "graph/rules/families.h"
#include "graph/rules/support/arguments.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/padding.h"
#include "graph/rules/support/pointwise.h"
#include "streams/conv.h"
#include "streams/conv_transpose.h"
#include "streams/pointwise.h"
#include "streams/windowed.h"

namespace torchstreamer::graph {
namespace {

using Sizes = std::vector<int64_t>;

// The arguments of a convolution, with one entry for each of its axes.
struct Geometry {
  Sizes stride, dilation;
  int64_t groups;
  Sizes left, right;  // padding; equal on both sides of a transposed convolution
  Sizes output_padding;
};

int64_t axes_of(const Call& call) { return call.tensor(1).dim() - 2; }

// Returns a list argument with one entry for each axis.
Sizes entries(const Call& call, size_t i) { return graph::entries(call, i, axes_of(call)); }

// Returns the index of the time axis among the axes of the convolution; -1 if time is its batch
// axis.
int time_axis(const Call& call) {
  const Stream x = call.stream(0);
  const int64_t rank = static_cast<int64_t>(x.shape.size()), axes = axes_of(call);
  const int64_t batch_rank = rank - axes - 1;
  if (batch_rank < 0 || batch_rank > 1)
    call.refuse_shape(
        c10::str("it takes signals of rank ", axes + 1, " or ", axes + 2, ", not ", rank));
  if (batch_rank == 1 && x.axis == 0) return -1;
  const int64_t time = x.axis - (rank - axes);
  if (time < 0) call.refuse_shape("it does not run along the time axis");
  if (axes > 2) call.refuse("only 1-d and 2-d convolutions run along the time axis");
  return static_cast<int>(time);
}

// Returns the signal of a 1-d convolution. Refuses a different number of channels.
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

std::string described(const Call& call, const char* name, const Geometry& g) {
  return c10::str(name, "(weight ", call.tensor(1).sizes(), ", stride ", at::IntArrayRef(g.stride),
                  ", dilation ", at::IntArrayRef(g.dilation), ", groups ", g.groups, ")");
}

// Adds a convolution over time and one more axis. Pads that axis; time is padded already.
Stream add_conv2d(const Call& call, const Stream& x, int time, const Geometry& g) {
  const Tensor weight = call.tensor(1), bias = call.tensor(2);
  Sizes padding = g.left, extra(4, 0);  // padding="same" may add one more entry at the end
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
  return add_linear_window(call, window, x, x.axis);
}

// Adds a transposed convolution, without its bias, over time and one more axis. Crops that axis.
Stream add_conv_transpose2d(const Call& call, const Stream& x, int time, const Geometry& g,
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
  require_window(call, overlap.kernel_frames);
  overlap.stride_frames = g.stride[time];
  overlap.description = described(call, "ConvTranspose2d", g);
  overlap.extra_frames = extra_frames;
  overlap.computation = linear_overlap(overlap, call.plan.format(x));
  return add_layer(call, overlap_add_layer(overlap), x);
}

// Adds a process that adds `bias`, `[C]`, to the frames of `[.., C, time and one more axis]`, once
// to each frame after the overlapping outputs are summed.
Stream add_bias(const Call& call, const Stream& x, const Tensor& bias) {
  if (!bias.defined()) return x;
  auto rule = [bias = bias.unsqueeze(-1)](const Tensors& in) { return in[0] + bias; };
  const Format format = call.plan.format(x);
  const Tensor frame = bias.unsqueeze(-1).expand(format.frame).flatten();
  PointwiseOptions options{rule, "bias"};
  options.computation =
      Elementwise{Function::kAdd, {Operand::of_input(0), Operand::of_constant(frame)}, 1, 0};
  return add_layer(call, pointwise_layer(options), x);
}

std::vector<Value> convolve(const Call& call, const Geometry& g) {
  const int time = time_axis(call);
  if (time < 0) return pointwise(call);
  const Tensor weight = call.tensor(1), bias = call.tensor(2);
  const bool is_2d = weight.dim() == 4;
  Stream x = is_2d ? call.stream(0) : signal(call, weight.size(1) * g.groups);
  if (call.plan.padding() == Padding::kModel)
    x = add_padding(call, x, g.left[time], g.right[time]);
  else
    x.shift = x.shift + Rational(g.left[time]);
  if (is_2d) return {add_conv2d(call, x, time, g)};
  return {add_layer(call, conv1d_layer({weight, bias, g.stride[0], g.dilation[0], g.groups}), x)};
}

// Adds the process of a transposed convolution. Does not crop the padding.
Stream add_conv_transpose(const Call& call, int time, const Geometry& g, int64_t extra_frames) {
  const Tensor weight = call.tensor(1), bias = call.tensor(2);
  if (weight.dim() == 4)
    return add_bias(call, add_conv_transpose2d(call, call.stream(0), time, g, extra_frames), bias);
  const TransposedConvolution1d convolution{weight, bias, g.stride[0], g.dilation[0], g.groups};
  return add_layer(call, conv_transpose1d_layer(convolution, extra_frames),
                   signal(call, weight.size(0)));
}

// The time that oneDNN 3.6 takes grows with the square of the stride: 0.5 s for 2048.
constexpr int64_t kMostStrideOfOtherAxes = 2048;

std::vector<Value> convolve_transposed(const Call& call, const Geometry& g) {
  const int time = time_axis(call);
  for (int axis = 0; axis < static_cast<int>(g.stride.size()); ++axis)
    if (axis != time && g.stride[axis] > kMostStrideOfOtherAxes)
      call.refuse_shape(c10::str("its stride is ", g.stride[axis],
                                 " along an axis other than time; at most ", kMostStrideOfOtherAxes,
                                 " is supported"));
  if (time < 0) return pointwise(call);
  const int64_t padding = g.left[time], output_padding = g.output_padding[time];
  const bool is_valid = call.plan.padding() == Padding::kValid;
  // The padding crops the end, and output_padding extends it again.
  const int64_t extra = is_valid ? output_padding : std::max<int64_t>(0, output_padding - padding);
  Stream y = add_conv_transpose(call, time, g, extra);
  if (is_valid)
    y.shift = y.shift - Rational(padding);
  else
    y = add_trim(call, y, padding, std::max<int64_t>(0, padding - output_padding));
  guard_against_none(call, y);  // offline, an output without frames is an error
  return {y};
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

// (input, weight, bias, stride, padding, dilation, groups); padding may be "same" or "valid".
std::vector<Value> convolution_nd(const Call& call) {
  if (call.constant(4).isString()) return convolution_mode(call);
  const Sizes padding = entries(call, 4);
  return convolve(call,
                  {entries(call, 3), entries(call, 5), call.integer(6), padding, padding, {}});
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

}  // namespace

const RuleRows& convolution_rules() {
  static const RuleRows rows = {
      {"aten::_convolution", convolution},
      {"aten::_convolution_mode", convolution_mode},
      {"aten::conv1d", convolution_nd},
      {"aten::conv2d", convolution_nd},
      {"aten::conv_transpose1d", convolution_transpose},
      {"aten::conv_transpose2d", convolution_transpose},
      {"aten::convolution", convolution},
  };
  return rows;
}

}  // namespace torchstreamer::graph
