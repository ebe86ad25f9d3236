// The elements, for plugin files and for programs that register them by themselves.
#pragma once

#include <gst/gst.h>

GST_ELEMENT_REGISTER_DECLARE(tsresample)
GST_ELEMENT_REGISTER_DECLARE(tsmodel)
