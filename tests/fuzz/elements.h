// The models of the fuzzed element, and its states.
#pragma once

#include <gst/gst.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "call_properties.h"

/// Paths in the environment variable FUZZ_MODELS.
inline const std::vector<std::string>& models() {
  static const std::vector<std::string> models = [] {
    gchar** names = g_strsplit(g_getenv("FUZZ_MODELS"), ":", -1);
    std::vector<std::string> found(names, names + g_strv_length(names));
    g_strfreev(names);
    return found;
  }();
  return models;
}

/// Changes the state and waits until a model is loaded. The harness needs an element that changes
/// to PLAYING at once.
inline void change_state(GstElement* element, GstState state) {
  gst_element_set_state(element, state);
  gst_element_get_state(element, nullptr, nullptr, GST_CLOCK_TIME_NONE);
}

/// Keeps an element per model, with an input if it needs one, so that all elements share the loaded
/// models.
inline void keep_models(const char* factory) {
  for (const std::string& model : models()) {
    GstElement* keeper = gst_element_factory_make(factory, nullptr);
    g_object_set(keeper, "location", model.c_str(), nullptr);
    change_state(keeper, GST_STATE_PAUSED);
    if (GST_STATE(keeper) != GST_STATE_PAUSED) {
      set_structure(keeper, "inputs", "inputs,gain=1.0");
      change_state(keeper, GST_STATE_PAUSED);
    }
    if (GST_STATE(keeper) != GST_STATE_PAUSED) std::abort();
  }
}
