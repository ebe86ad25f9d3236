// The plugin file of tsresample; it needs no libtorch.
#include "base/elements.h"

static gboolean plugin_init(GstPlugin* plugin) { return GST_ELEMENT_REGISTER(tsresample, plugin); }

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tsresample,
                  "Resamples audio exactly as torchaudio does", plugin_init, VERSION, "MIT/X11",
                  PACKAGE, "urn:torchstreamer")
