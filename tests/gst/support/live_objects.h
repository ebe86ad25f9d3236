// Objects that the "leaks" tracer of GStreamer reports. Linking this file enables the tracer.
#pragma once

#include <map>
#include <string>

namespace torchstreamer::test {

/// Number of live objects by type and name or content, without plugins and features, which the
/// registry keeps until the end. Waits 0.5 s for threads that end.
std::map<std::string, int> count_live_objects();

}  // namespace torchstreamer::test
