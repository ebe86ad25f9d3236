// References to objects and values of GLib and GStreamer.
#pragma once

#include <gst/gst.h>

#include <memory>

namespace torchstreamer::server {

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
  void operator()(GBytes* bytes) const { g_bytes_unref(bytes); }
  void operator()(GstSample* sample) const { gst_sample_unref(sample); }
  void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
  void operator()(GstStructure* structure) const { gst_structure_free(structure); }
  void operator()(GKeyFile* file) const { g_key_file_unref(file); }
  void operator()(GSource* source) const {
    g_source_destroy(source);
    g_source_unref(source);
  }
};

/// Owns one reference.
template <class T>
using Ref = std::unique_ptr<T, Unref>;

}  // namespace torchstreamer::server
