#include "model_library.h"

#include <dlfcn.h>

namespace torchstreamer {
namespace {

LoadModel fail(GstElement* element) {
  const char* reason = dlerror();
  GST_ELEMENT_ERROR(element, LIBRARY, INIT,
                    ("%s cannot be loaded. It is installed beside the plugins; is it, and is "
                     "libtorch installed?",
                     TORCHSTREAMER_SONAME),
                    ("%s", reason ? reason : "unknown reason"));
  return nullptr;
}

}  // namespace

LoadModel find_load_model(GstElement* element) {
  void* library = dlopen(TORCHSTREAMER_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) return fail(element);
  void* symbol = dlsym(library, "torchstreamer_load_model");
  return symbol ? reinterpret_cast<LoadModel>(symbol) : fail(element);
}

}  // namespace torchstreamer
