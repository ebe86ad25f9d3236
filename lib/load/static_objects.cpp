// Static objects of the shared library, which exist until the process ends.
//
// exit() destroys static objects while other threads may still use them, for example to plan a
// model. The compiler registers their destructors with __cxa_atexit(). Inside this library, this
// definition replaces that of the C library.
#include <cxxabi.h>

extern "C" __attribute__((visibility("hidden"))) int __cxa_atexit(  // NOLINT
    void (*)(void*), void*, void*) noexcept {
  return 0;
}
