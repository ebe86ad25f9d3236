#include "graph/model/device.h"

#include <ATen/ops/empty.h>
#include <c10/util/StringUtil.h>

#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {

at::Device usable_device(const std::string& name) {
  try {
    const at::Device device(name);
    if (device.type() == at::kMeta) throw Error("it holds no samples");
    return at::empty({1}, at::TensorOptions(at::kFloat).device(device)).device();
  } catch (const std::exception& e) {
    throw OptionError(c10::str("device '", name, "' is not available: ", reason_of(e)));
  }
}

}  // namespace torchstreamer::graph
