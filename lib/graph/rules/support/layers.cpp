#include "graph/rules/support/layers.h"

#include <c10/util/StringUtil.h>

#include <variant>

#include "graph/lowering/linear.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

// Maximum size of the input of one window. Planning computes a window several times, and a few
// tensors of this size exist at the same time.
constexpr int64_t kMostWindowBytes = 1 << 25;

}  // namespace

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
  const Format format = call.plan.format(x);
  const int64_t frame_bytes =
      format.samples() * static_cast<int64_t>(c10::elementSize(format.dtype));
  if (window.kernel_frames * frame_bytes > kMostWindowBytes)
    call.refuse_shape(c10::str("a window of ", window.kernel_frames, " frames of ",
                               format.samples(), " samples has ",
                               window.kernel_frames * frame_bytes, " bytes; at most ",
                               kMostWindowBytes, " are supported"));
  if (std::holds_alternative<std::monostate>(window.computation))
    window.computation = linear_window(window, format);
  return add_layer(call, window_layer(std::move(window)), x, axis);
}

}  // namespace torchstreamer::graph
