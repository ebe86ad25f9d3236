// The thread that loads models in the background.
#pragma once

#include <functional>

namespace torchstreamer {

/// Runs `code` in the load thread, after the code of earlier callers, and waits for its end.
/// Rethrows its exceptions. Throws std::system_error if the thread cannot be created. All models
/// share one thread, because glibc keeps freed memory per allocating thread. With a new thread for
/// every model, memory would grow with the number of loads.
void run_in_load_thread(const std::function<void()>& code);

}  // namespace torchstreamer
