#include "graph/rules.h"
#include "streams/conv1d.h"
#include "streams/conv_transpose1d.h"

#include <c10/util/StringUtil.h>

namespace torchstreamer::graph {
namespace {

struct Geometry {
  int64_t stride, dilation, groups;
};

// The signal and the channels it must have.
Stream signal(const Call& call, int64_t channels) {
  const Stream x = call.stream(0);
  const int rank = static_cast<int>(x.shape.size());
  if (x.axis != rank - 1 || rank < 2 || rank > 3)
    call.refuse("it does not run along the time axis");
  if (x.shape[rank - 2] != channels)
    throw ChannelMismatch(refusal(call.node, c10::str("it takes ", channels,
                                                      " channels and is given ", x.shape[rank - 2]))
                              .what(),
                          channels);
  return x;
}

Stream with_channels(Stream x, int64_t channels) {
  x.shape[x.shape.size() - 2] = channels;
  return x;
}

std::vector<Value> convolve(const Call& call, int64_t left, int64_t right, Geometry g) {
  const Tensor weight = call.tensor(1);
  if (weight.dim() != 3) call.refuse("only 1-d convolutions run along the time axis");
  Stream x = signal(call, weight.size(1) * g.groups);
  if (call.planner.padding() == Padding::kModel)
    x = padded(call, x, left, fixed(right));
  else
    x.shift = x.shift + Rational(left);
  Stream y = with_channels(x, weight.size(0));
  y.shift = y.shift / Rational(g.stride);
  return {call.planner.add(
      call.node, conv1d_layer(weight, call.tensor(2), g.stride, g.dilation, g.groups), {x}, y)};
}

std::vector<Value> convolve_transposed(const Call& call, int64_t padding, int64_t output_padding,
                                       Geometry g) {
  const Tensor weight = call.tensor(1);
  if (weight.dim() != 3) call.refuse("only 1-d convolutions run along the time axis");
  const Stream x = signal(call, weight.size(0));
  const bool valid = call.planner.padding() == Padding::kValid;
  // What the padding cuts off at the end, output_padding puts there again.
  const int64_t extra = valid ? output_padding : std::max<int64_t>(0, output_padding - padding);
  Stream y = with_channels(x, weight.size(1) * g.groups);
  y.shift = x.shift * Rational(g.stride) - Rational(valid ? padding : 0);
  y = call.planner.add(
      call.node,
      conv_transpose1d_layer(weight, call.tensor(2), g.stride, extra, g.groups, g.dilation), {x},
      y);
  if (!valid) y = trimmed(call, y, padding, fixed(std::max<int64_t>(0, padding - output_padding)));
  return {y};
}

}  // namespace

// (input, weight, bias, stride, padding, dilation, groups); padding may be "same" or "valid".
std::vector<Value> convolution_1d(const Call& call) {
  if (call.constant(4).isString()) return convolution_mode(call);
  const int64_t padding = call.entry(4, 0);
  return convolve(call, padding, padding, {call.entry(3), call.entry(5), call.integer(6)});
}

// (input, weight, bias, stride, padding mode, dilation, groups).
std::vector<Value> convolution_mode(const Call& call) {
  const int64_t dilation = call.entry(5);
  const bool same = call.constant(4).toStringRef() == "same";
  const int64_t total = same ? dilation * (call.tensor(1).size(2) - 1) : 0;
  return convolve(call, total / 2, total - total / 2, {call.entry(3), dilation, call.integer(6)});
}

// (input, weight, bias, stride, padding, dilation, transposed, output_padding, groups, ...).
std::vector<Value> convolution(const Call& call) {
  const Geometry g{call.entry(3), call.entry(5), call.integer(8)};
  const int64_t padding = call.entry(4, 0);
  return call.boolean(6) ? convolve_transposed(call, padding, call.entry(7, 0), g)
                         : convolve(call, padding, padding, g);
}

// (input, weight, bias, stride, padding, output_padding, groups, dilation).
std::vector<Value> convolution_transpose(const Call& call) {
  return convolve_transposed(call, call.entry(4, 0), call.entry(5, 0),
                             {call.entry(3), call.entry(7), call.integer(6)});
}

}  // namespace torchstreamer::graph
