#include "loader/library_entry.h"

#include "base/shared_library.h"

namespace torchstreamer {

LoadModel find_load_model() {
  return reinterpret_cast<LoadModel>(find_symbol(
      TORCHSTREAMER_SONAME, "torchstreamer_load_model",
      "It belongs one folder above the plugins or into a library folder of the system. Is it "
      "there, and is libtorch installed?"));
}

}  // namespace torchstreamer
