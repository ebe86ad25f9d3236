#include "server/audio/fresh_threads.h"

namespace {

struct FreshThreads {
  GstTaskPool parent;
};
struct FreshThreadsClass {
  GstTaskPoolClass parent_class;
};

G_DEFINE_TYPE(FreshThreads, fresh_threads, GST_TYPE_TASK_POOL)

void fresh_threads_init(FreshThreads*) {}

/// Function of a new thread, and its argument.
struct Start {
  GstTaskPoolFunction function;
  gpointer data;
};

gpointer push(GstTaskPool*, GstTaskPoolFunction function, gpointer data, GError** error) {
  auto* start = new Start{function, data};
  const GThreadFunc run = [](gpointer thread_data) -> gpointer {
    const Start work = *static_cast<Start*>(thread_data);
    delete static_cast<Start*>(thread_data);
    work.function(work.data);
    return nullptr;
  };
  GThread* thread = g_thread_try_new("session", run, start, error);
  if (!thread) delete start;
  return thread;
}

void fresh_threads_class_init(FreshThreadsClass* type) {
  GstTaskPoolClass* pool = GST_TASK_POOL_CLASS(type);
  pool->prepare = [](GstTaskPool*, GError**) {};
  pool->cleanup = [](GstTaskPool*) {};
  pool->push = push;
  pool->join = [](GstTaskPool*, gpointer thread) { g_thread_join(static_cast<GThread*>(thread)); };
  pool->dispose_handle = [](GstTaskPool*, gpointer thread) {
    g_thread_unref(static_cast<GThread*>(thread));
  };
}

}  // namespace

namespace torchstreamer::server {

void use_fresh_thread(GstTask* task) {
  static GstTaskPool* const pool = [] {
    gpointer created = g_object_new(fresh_threads_get_type(), nullptr);
    return static_cast<GstTaskPool*>(gst_object_ref_sink(created));
  }();
  gst_task_set_pool(task, pool);
}

}  // namespace torchstreamer::server
