// The plugin of tsmodel. It does not link libtorch, so that the scan of the registry is fast; the
// element maps libtorch when it loads a model.
#include <gst/gst.h>

#include "base/package.h"

GST_ELEMENT_REGISTER_DECLARE(tsmodel)

static gboolean plugin_init(GstPlugin* plugin) { return GST_ELEMENT_REGISTER(tsmodel, plugin); }

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tsmodel,
                  "Runs PyTorch audio models as streams or block by block", plugin_init, VERSION,
                  "MIT/X11", PACKAGE, torchstreamer::kOrigin)
