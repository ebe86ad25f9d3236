#include "loader/library_entry.h"

#include "base/shared_library.h"

namespace torchstreamer {

LoadModel find_load_model() {
  return reinterpret_cast<LoadModel>(find_symbol(
      TORCHSTREAMER_SONAME, "torchstreamer_load_model",
      "Install it one folder above the plugins or in a library folder of the system, with "
      "libtorch."));
}

}  // namespace torchstreamer
