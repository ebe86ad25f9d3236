// The thread in which libtorch loads models.
#pragma once

#include <functional>

namespace torchstreamer {

/// Runs `code` in the one thread of the process that loads models while audio flows, behind what
/// others run there, and waits. Throws what it throws, and where there is no thread to be had. It
/// is one thread as glibc keeps freed memory for each that took some: models that come and go in
/// threads of their own would leave as much behind as so many models take.
void run_in_load_thread(const std::function<void()>& code);

}  // namespace torchstreamer
