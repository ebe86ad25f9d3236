#include "load_thread.h"

#include <glib.h>

#include <future>

namespace torchstreamer {
namespace {

using Task = std::packaged_task<void()>;

/// Null where there is no thread to be had.
GThreadPool* make_pool() {
  g_autoptr(GError) error = nullptr;
  GThreadPool* pool =
      g_thread_pool_new([](gpointer task, gpointer) { (*static_cast<Task*>(task))(); }, nullptr,
                        /*max_threads=*/1, /*exclusive=*/TRUE, &error);
  return error ? nullptr : pool;
}

}  // namespace

void run_in_load_thread(const std::function<void()>& code) {
  static GThreadPool* const pool = make_pool();  // for the life of the process
  if (!pool) return code();
  Task task(code);
  g_thread_pool_push(pool, &task, nullptr);
  task.get_future().get();
}

}  // namespace torchstreamer
