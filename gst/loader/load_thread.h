// The threads that load models in the background.
#pragma once

#include <functional>

namespace torchstreamer {

/// Runs `code` in a load thread and waits for its end. Rethrows its exceptions. Throws
/// std::system_error if no thread can be created. There are at most kMaxLoadThreads of them, and a
/// thread is created only if all others are busy, because glibc keeps freed memory per allocating
/// thread: with a new thread for every model, memory would grow with the number of loads.
void run_in_load_thread(const std::function<void()>& code);

/// More than one, so that a load does not wait for a long one that was cancelled.
constexpr int kMaxLoadThreads = 4;

}  // namespace torchstreamer
