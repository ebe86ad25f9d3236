#include "graph/rules/support/arguments.h"

#include <c10/util/StringUtil.h>

#include "support/axes.h"

namespace torchstreamer::graph {

int64_t axis_argument(const Call& call, size_t i, const Stream& x) {
  return wrapped_index(call.integer(i), static_cast<int64_t>(x.shape.size()));
}

std::vector<int64_t> entries(const Call& call, size_t i, int64_t axes) {
  const IValue value = call.constant(i);
  auto sizes = value.isInt() ? std::vector<int64_t>{value.toInt()} : value.toIntVector();
  if (sizes.size() == 1) sizes.resize(axes, sizes[0]);
  if (!sizes.empty() && static_cast<int64_t>(sizes.size()) != axes)
    call.refuse(
        c10::str("its argument ", i, " has ", sizes.size(), " entries for ", axes, " axes"));
  return sizes;
}

Optional<int64_t> optional_integer(const Call& call, size_t i) {
  const IValue value = call.constant(i);
  return value.isNone() ? Optional<int64_t>() : Optional<int64_t>(value.toInt());
}

Optional<bool> optional_boolean(const Call& call, size_t i) {
  const IValue value = call.constant(i);
  return value.isNone() ? Optional<bool>() : Optional<bool>(value.toBool());
}

void require_time_axis(const Call& call, const Stream& x, int64_t axis) {
  if (x.axis != axis) call.refuse_shape("it does not run along the time axis");
}

}  // namespace torchstreamer::graph
