// The numbers among the inputs of a tsmodel as objects that GstController can control.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "base/locked_settings.h"
#include "model/properties.h"

namespace torchstreamer {

/// Children of an element, one for each number in its property `inputs`. A child has the name of
/// the input and a controllable property `value`. Thread-safe.
class InputObjects {
 public:
  InputObjects(GstElement* element, LockedSettings<TsModelSettings>* settings)
      : element_(element), settings_(settings) {}
  ~InputObjects() { clear(); }
  InputObjects(const InputObjects&) = delete;
  InputObjects& operator=(const InputObjects&) = delete;

  /// Lets the documentation of the plugin contain the type of the children.
  static void mark_as_api();

  /// Adds and removes children after a change of `inputs`. A child whose input is still a number is
  /// kept, with its control bindings. May throw.
  void update();

  /// Removes all children. Called while the element may still be referenced, because threads that
  /// hold a child reference its parent.
  void clear();

  /// Sets the values of controlled children for `stream_time`.
  void sync_values(GstClockTime stream_time) const;

  guint count() const { return count_; }
  /// The caller owns the result; null if there is none.
  GObject* child(guint index) const;

 private:
  struct Changes {
    std::vector<GstObject*> added, removed;  // references
  };

  Changes update_children();

  GstElement* const element_;
  LockedSettings<TsModelSettings>* const settings_;
  mutable std::mutex mutex_;
  std::vector<GstObject*> children_;  // under the mutex
  std::atomic<guint> count_ = 0;      // of children_
};

}  // namespace torchstreamer
