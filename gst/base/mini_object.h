// References to GStreamer's reference-counted C objects.
#pragma once

#include <gst/gst.h>

#include <memory>

namespace torchstreamer {

struct UnrefMiniObject {
  void operator()(void* object) const { gst_mini_object_unref(GST_MINI_OBJECT_CAST(object)); }
};

/// Owns a reference to a buffer, an event or caps.
template <class T>
using MiniObjectPtr = std::unique_ptr<T, UnrefMiniObject>;

}  // namespace torchstreamer
