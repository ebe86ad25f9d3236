// ThreadSanitizer cannot track the locks of GLib, which is not instrumented and uses futexes. These
// functions replace calls from outside of GLib and report the locks to ThreadSanitizer.
#include <dlfcn.h>
#include <glib.h>
#include <sanitizer/tsan_interface.h>

namespace {

template <class F>
F real(F, const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define REAL(name) static const auto call = real(name, #name)

extern "C" {

void g_mutex_lock(GMutex* mutex) {
  REAL(g_mutex_lock);
  call(mutex);
  __tsan_acquire(mutex);
}
gboolean g_mutex_trylock(GMutex* mutex) {
  REAL(g_mutex_trylock);
  if (!call(mutex)) return FALSE;
  __tsan_acquire(mutex);
  return TRUE;
}
void g_mutex_unlock(GMutex* mutex) {
  REAL(g_mutex_unlock);
  __tsan_release(mutex);
  call(mutex);
}
void g_rec_mutex_lock(GRecMutex* mutex) {
  REAL(g_rec_mutex_lock);
  call(mutex);
  __tsan_acquire(mutex);
}
gboolean g_rec_mutex_trylock(GRecMutex* mutex) {
  REAL(g_rec_mutex_trylock);
  if (!call(mutex)) return FALSE;
  __tsan_acquire(mutex);
  return TRUE;
}
void g_rec_mutex_unlock(GRecMutex* mutex) {
  REAL(g_rec_mutex_unlock);
  __tsan_release(mutex);
  call(mutex);
}
void g_cond_wait(GCond* cond, GMutex* mutex) {
  REAL(g_cond_wait);
  __tsan_release(mutex);
  call(cond, mutex);
  __tsan_acquire(mutex);
}
gboolean g_cond_wait_until(GCond* cond, GMutex* mutex, gint64 end_us) {
  REAL(g_cond_wait_until);
  __tsan_release(mutex);
  const gboolean is_signalled = call(cond, mutex, end_us);
  __tsan_acquire(mutex);
  return is_signalled;
}
}
