#include "process/shared_library.h"

#include <dlfcn.h>

#include "process/element_error.h"

namespace torchstreamer {
namespace {

[[noreturn]] void fail_to_load(const std::string& text) {
  const char* reason = dlerror();
  throw ElementError(GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT, text,
                     reason ? reason : "no reason");
}

}  // namespace

void* find_symbol(const std::string& soname, const char* symbol, const std::string& advice) {
  void* library = dlopen(soname.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) fail_to_load(soname + " cannot be loaded. " + advice);
  void* found = dlsym(library, symbol);
  if (!found)
    fail_to_load(
        soname +
        " has a different version than the plugin. Reinstall torchstreamer to get matching ones.");
  return found;
}

}  // namespace torchstreamer
