#include "loader/library_entry.h"

#include "process/exit_barrier.h"
#include "process/shared_library.h"

namespace torchstreamer {

LoadModel find_load_model() {
  static const auto found = [] {
    void* symbol = find_symbol(TORCHSTREAMER_SONAME, "torchstreamer_load_model",
                               "Install it one folder above the plugins or in a library folder of "
                               "the system, with libtorch.");
    ExitBarrier::register_at_exit();
    return reinterpret_cast<LoadModel>(symbol);
  }();
  return found;
}

}  // namespace torchstreamer
