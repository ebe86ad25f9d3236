// Pools over time, or over time and one more axis.
#include "streams/pool.h"

#include <limits>

#include "graph/rules/families.h"
#include "graph/rules/support/arguments.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/padding.h"
#include "graph/rules/support/pointwise.h"

namespace torchstreamer::graph {
namespace {

// Returns the arguments of a pool along `axis`, one of its `axes`.
using OptionsAlong = Pool1d (*)(const Call& call, int64_t axes, int64_t axis);

// Returns the first arguments, which all pools have. The default stride is the kernel size.
Pool1d common_options(const Call& call, Pool1d::Kind kind, int64_t axes, int64_t axis) {
  Pool1d o;
  o.kind = kind;
  o.kernel_frames = entries(call, 1, axes).at(axis);
  const auto strides = entries(call, 2, axes);
  o.stride_frames = strides.empty() ? o.kernel_frames : strides.at(axis);
  o.padding_frames = entries(call, 3, axes).at(axis);
  return o;
}

// (self, kernel_size, stride, padding, dilation, ceil_mode).
Pool1d max_options(const Call& call, int64_t axes, int64_t axis) {
  Pool1d o = common_options(call, Pool1d::Kind::kMax, axes, axis);
  o.dilation_frames = entries(call, 4, axes).at(axis);
  o.ceil_mode = call.boolean(5);
  return o;
}

// (self, kernel_size, stride, padding, ceil_mode, count_include_pad).
Pool1d average_options(const Call& call, int64_t axes, int64_t axis) {
  Pool1d o = common_options(call, Pool1d::Kind::kAverage, axes, axis);
  o.ceil_mode = call.boolean(4);
  o.count_include_pad = call.boolean(5);
  return o;
}

Stream add_pool_over_time(const Call& call, Stream x, Pool1d options) {
  const int64_t padding = options.padding_frames;
  if (call.plan.padding() == Padding::kModel) {
    PadOptions pad;
    if (options.kind == Pool1d::Kind::kMax) pad.value = -std::numeric_limits<double>::infinity();
    x = add_padding(call, x, padding, padding, pad);
  } else {
    x.shift = x.shift + Rational(padding);
    options.padding_frames = 0;
  }
  const Stream y = add_layer(call, pool1d_layer(options), x);
  // If there are too few frames, max_pool1d may raise, depending on the number of frames and the
  // version of torch.
  if (options.kind == Pool1d::Kind::kMax) guard_against_none(call, y);
  return y;
}

// Adds the part of a pool over two axes that is not over time. A pool over two axes equals a pool
// over one of them, followed by a pool over the other.
Stream add_pool_over_other_axis(const Call& call, int64_t time, const Pool1d& options) {
  auto lists = [time](int64_t of_time, int64_t of_other) {
    std::vector<int64_t> sizes(2, of_other);
    sizes[time] = of_time;
    return Value(IValue(sizes));
  };
  Call only = call;
  only.args[1] = lists(1, options.kernel_frames);
  only.args[2] = lists(1, options.stride_frames);
  only.args[3] = lists(0, options.padding_frames);
  if (options.kind == Pool1d::Kind::kMax) only.args[4] = lists(1, options.dilation_frames);
  return *pointwise(only).front().stream();
}

std::vector<Value> pool(const Call& call, int64_t axes, OptionsAlong options_along) {
  const Stream x = call.stream(0);
  const int64_t rank = static_cast<int64_t>(x.shape.size()), time = x.axis - (rank - axes);
  if (time < 0 && x.axis == 0) return pointwise(call);  // time is its batch axis
  if (time < 0) call.refuse_shape("it does not run along the time axis");
  const Pool1d options = options_along(call, axes, time);
  if (axes == 1) return {add_pool_over_time(call, x, options)};
  if (options.kernel_frames == 1 && options.stride_frames == 1) return pointwise(call);
  const bool has_divisor = call.args.size() > 6 && !call.constant(6).isNone();
  if (has_divisor) call.refuse("divisor_override is not streamed; multiply after the pool");
  const Stream y = add_pool_over_other_axis(call, time, options_along(call, axes, 1 - time));
  return {add_pool_over_time(call, y, options)};
}

std::vector<Value> max_pool(const Call& call) { return pool(call, 1, max_options); }
std::vector<Value> max_pool_2d(const Call& call) { return pool(call, 2, max_options); }
std::vector<Value> average_pool(const Call& call) { return pool(call, 1, average_options); }
std::vector<Value> average_pool_2d(const Call& call) { return pool(call, 2, average_options); }

}  // namespace

const RuleRows& pool_rules() {
  static const RuleRows rows = {
      {"aten::avg_pool1d", average_pool},
      {"aten::avg_pool2d", average_pool_2d},
      {"aten::max_pool1d", max_pool},
      {"aten::max_pool2d", max_pool_2d},
  };
  return rows;
}

}  // namespace torchstreamer::graph
