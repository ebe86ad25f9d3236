// The plugin of tsresample. It does not need libtorch.
#include <gst/gst.h>

#include "base/package.h"

GST_ELEMENT_REGISTER_DECLARE(tsresample)

static gboolean plugin_init(GstPlugin* plugin) { return GST_ELEMENT_REGISTER(tsresample, plugin); }

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tsresample,
                  "Resamples audio exactly as torchaudio does", plugin_init, VERSION, "MIT/X11",
                  PACKAGE, torchstreamer::kOrigin)
