// Settings that several threads read and change.
#pragma once

#include <gst/gst.h>

#include "base/exceptions.h"

namespace torchstreamer {

/// Settings under the object lock of their element. The streaming thread works on copies.
template <class Settings>
class LockedSettings {
 public:
  explicit LockedSettings(gpointer element) : element_(element) {}

  Settings copy() const {
    return read([](const Settings& settings) { return settings; });
  }

  /// Returns read(settings).
  template <class Read>
  auto read(Read&& read) const {
    const ObjectLock lock(element_);
    return read(settings_);
  }

  /// Returns change(&settings).
  template <class Change>
  auto change(Change&& change) {
    const ObjectLock lock(element_);
    return change(&settings_);
  }

 private:
  gpointer element_;
  Settings settings_;
};

}  // namespace torchstreamer
