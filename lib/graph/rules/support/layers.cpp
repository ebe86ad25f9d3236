#include "graph/rules/support/layers.h"

#include <c10/util/StringUtil.h>

#include "graph/lowering/linear.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {

Stream add_layer(const Call& call, LayerPtr layer, const Stream& x, int axis) {
  const Rational rate = layer->timing().rate();
  try {
    Stream y = call.plan.add(call.node, std::move(layer), {x}, x);
    const Format format = call.plan.format(y);
    y.shape = format.frame;
    y.shape.insert(y.shape.begin() + axis, -1);
    y.axis = axis;
    y.dtype = format.dtype;
    y.shift = x.shift * rate;
    return y;
  } catch (const Refusal&) {
    throw;
  } catch (const std::exception& e) {
    call.refuse_shape(reason_of(e));
  }
}

Stream add_layer(const Call& call, LayerPtr layer, const Stream& x) {
  return add_layer(call, std::move(layer), x, x.axis);
}

void require_window(const Call& call, int64_t frames) {
  if (frames > kLongestMemoryFrames)
    call.refuse(c10::str("a frame of its output needs ", frames, " frames of the signal; at most ",
                         kLongestMemoryFrames, " are supported"));
}

Stream add_linear_window(const Call& call, WindowOptions window, const Stream& x, int axis) {
  require_window(call, window.kernel_frames);
  window.computation = linear_window(window, call.plan.format(x));
  return add_layer(call, window_layer(std::move(window)), x, axis);
}

}  // namespace torchstreamer::graph
