// Blocking work that a GCancellable can cancel.
#pragma once

#include <gio/gio.h>

#include <stdexcept>

namespace torchstreamer {

/// Thrown when the caller's GCancellable is cancelled; not an error.
class Cancelled : public std::runtime_error {
 public:
  Cancelled() : std::runtime_error("cancelled") {}
};

/// Throws Cancelled if `cancellable`, which may be null, is cancelled.
void throw_if_cancelled(GCancellable* cancellable);

/// Sleeps for `ms` milliseconds. Throws Cancelled as soon as `cancellable` is cancelled.
void wait_ms(GCancellable* cancellable, guint ms);

}  // namespace torchstreamer
