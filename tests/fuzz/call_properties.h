// Random values of the properties of tsmodel for the call of a model: valid, wrong and hostile.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>
#include <gst/gst.h>

/// Sets a structure from its text.
inline void set_structure(GstElement* element, const char* property, const char* text) {
  GstStructure* structure = gst_structure_from_string(text, nullptr);
  g_object_set(element, property, structure, nullptr);
  if (structure) gst_structure_free(structure);
}

inline void set_number_of_inputs(GstElement* element, FuzzedDataProvider& data) {
  GstStructure* inputs = gst_structure_new("inputs", "gain", G_TYPE_DOUBLE,
                                           data.ConsumeFloatingPoint<double>(), nullptr);
  g_object_set(element, "inputs", inputs, nullptr);
  gst_structure_free(inputs);
}

/// Sets one property. The names are those of the models in run.sh.
inline void set_call_property(GstElement* element, FuzzedDataProvider& data) {
  constexpr const char* kMethods[] = {"", "forward", "encode", "decode", "rms", "get_gain", "nope"};
  constexpr const char* kInputs[] = {"inputs",
                                     "inputs,gain=0.5",
                                     "inputs,gain=(int)-2147483648",
                                     "inputs,gain=loud",
                                     "inputs,gain=(fraction)1/2",
                                     "inputs,gain=<1.0,2.0>",
                                     "inputs,gain=\"zeros(9223372036854775807, 2)\"",
                                     "inputs,state=\"zeros(1, 1, 7); zeros(1, 1, 7)\"",
                                     "inputs,x=1.0",
                                     "inputs,nope=true"};
  constexpr const char* kAttributes[] = {"attributes", "attributes,gain=2.0",
                                         "attributes,gain=loud", "attributes,nope=1",
                                         "attributes,training=true"};
  constexpr int kWindows[] = {0, 1, 3, 64, 100, 2048};
  switch (data.ConsumeIntegralInRange<int>(0, 6)) {
    case 0:
      return g_object_set(element, "method", data.PickValueInArray(kMethods), nullptr);
    case 1:
      return set_structure(element, "inputs", data.PickValueInArray(kInputs));
    case 2:
      return set_number_of_inputs(element, data);
    case 3:
      return set_structure(element, "attributes", data.PickValueInArray(kAttributes));
    case 4:
      return g_object_set(element, "window", data.PickValueInArray(kWindows), nullptr);
    case 5:
      return g_object_set(element, "hop", data.ConsumeIntegralInRange<int>(0, 200), nullptr);
    default:
      return g_object_set(element, "tail", data.ConsumeIntegralInRange<int>(0, 3), nullptr);
  }
}
