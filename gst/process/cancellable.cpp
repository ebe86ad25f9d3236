#include "process/cancellable.h"

namespace torchstreamer {

void throw_if_cancelled(GCancellable* cancellable) {
  if (g_cancellable_is_cancelled(cancellable)) throw Cancelled();
}

void wait_ms(GCancellable* cancellable, guint ms) {
  GPollFD poll = {-1, 0, 0};
  if (g_cancellable_make_pollfd(cancellable, &poll)) {
    g_poll(&poll, 1, static_cast<gint>(ms));
    g_cancellable_release_fd(cancellable);
  } else {
    g_usleep(gulong{ms} * 1000);
  }
  throw_if_cancelled(cancellable);
}

}  // namespace torchstreamer
