// Work that a GCancellable ends, in a thread that blocks.
#pragma once

#include <gio/gio.h>

#include <stdexcept>

namespace torchstreamer {

/// The caller's own GCancellable was cancelled: nothing is wrong.
class Cancelled : public std::runtime_error {
 public:
  Cancelled() : std::runtime_error("cancelled") {}
};

/// Throws Cancelled where `cancellable`, which may be null, is cancelled.
void throw_if_cancelled(GCancellable* cancellable);

/// Sleeps; throws Cancelled as soon as `cancellable` is cancelled.
void wait_ms(GCancellable* cancellable, guint ms);

}  // namespace torchstreamer
