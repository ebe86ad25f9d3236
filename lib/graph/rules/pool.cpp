#include "streams/pool1d.h"

#include <limits>

#include "graph/rules.h"

namespace torchstreamer::graph {
namespace {

// What all pools have in front; an empty stride is the kernel's.
PoolOptions common_options(const Call& call, PoolOptions::Kind kind) {
  PoolOptions o;
  o.kind = kind;
  o.kernel_frames = call.entry(1);
  o.stride_frames = call.entry(2, o.kernel_frames);
  o.padding_frames = call.entry(3, 0);
  return o;
}

std::vector<Value> pooled(const Call& call, PoolOptions options) {
  Stream x = call.stream(0);
  if (x.axis != static_cast<int>(x.shape.size()) - 1)
    call.refuse("it does not run along the time axis");
  const int64_t padding = options.padding_frames;
  if (call.planner.padding() == Padding::kModel) {
    PadOptions pad;
    if (options.kind == PoolOptions::Kind::kMax)
      pad.value = -std::numeric_limits<double>::infinity();
    x = padded(call, x, padding, fixed(padding), pad);
  } else {
    x.shift = x.shift + Rational(padding);
    options.padding_frames = 0;
  }
  Stream y = x;
  y.shift = y.shift / Rational(options.stride_frames);
  return {call.planner.add(call.node, pool1d_layer(options), {x}, y)};
}

}  // namespace

// (self, kernel_size, stride, padding, dilation, ceil_mode).
std::vector<Value> max_pool(const Call& call) {
  PoolOptions o = common_options(call, PoolOptions::Kind::kMax);
  o.dilation_frames = call.entry(4);
  o.ceil_mode = call.boolean(5);
  return pooled(call, o);
}

// (self, kernel_size, stride, padding, ceil_mode, count_include_pad).
std::vector<Value> average_pool(const Call& call) {
  PoolOptions o = common_options(call, PoolOptions::Kind::kAverage);
  o.ceil_mode = call.boolean(4);
  o.count_include_pad = call.boolean(5);
  return pooled(call, o);
}

}  // namespace torchstreamer::graph
