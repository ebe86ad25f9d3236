#include "model_library.h"

#include <dlfcn.h>

namespace torchstreamer {
namespace {

constexpr char kEntry[] = "torchstreamer_load_model";

LoadModel fail(GstElement* element, const char* text) {
  const char* reason = dlerror();
  GST_ELEMENT_ERROR(element, LIBRARY, INIT, ("%s", text), ("%s", reason ? reason : "no reason"));
  return nullptr;
}

}  // namespace

LoadModel find_load_model(GstElement* element) {
  void* library = dlopen(TORCHSTREAMER_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library)
    return fail(element, TORCHSTREAMER_SONAME
                " cannot be loaded. It belongs one folder above the plugins or where the system "
                "keeps its libraries; is it there, and is libtorch installed?");
  void* symbol = dlsym(library, kEntry);
  if (!symbol)
    return fail(element, TORCHSTREAMER_SONAME
                " is not of the same version as the plugin: it does not load models for it. "
                "Installing torchstreamer anew puts both in place.");
  return reinterpret_cast<LoadModel>(symbol);
}

}  // namespace torchstreamer
