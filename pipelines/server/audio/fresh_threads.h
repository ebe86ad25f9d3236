// Threads that start with the priority and the CPU clock of a new thread.
#pragma once

#include <gst/gst.h>

namespace torchstreamer::server {

/// Lets a task run in a thread of its own that ends with it. The threads of GStreamer's pool go
/// from one pipeline to the next, with what was set on them. Call before the task starts.
void use_fresh_thread(GstTask* task);

}  // namespace torchstreamer::server
