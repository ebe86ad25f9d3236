#include "model_library.h"

#include <dlfcn.h>

#include "model_error.h"

namespace torchstreamer {
namespace {

constexpr char kEntry[] = "torchstreamer_load_model";

[[noreturn]] void fail(const char* text) {
  const char* reason = dlerror();
  throw ModelError(GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT, text, reason ? reason : "no reason");
}

}  // namespace

LoadModel find_load_model() {
  void* library = dlopen(TORCHSTREAMER_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library)
    fail(TORCHSTREAMER_SONAME
         " cannot be loaded. It belongs one folder above the plugins or where the system keeps its "
         "libraries; is it there, and is libtorch installed?");
  void* symbol = dlsym(library, kEntry);
  if (!symbol)
    fail(TORCHSTREAMER_SONAME
         " is not of the same version as the plugin: it does not load models for it. Installing "
         "torchstreamer anew puts both in place.");
  return reinterpret_cast<LoadModel>(symbol);
}

}  // namespace torchstreamer
