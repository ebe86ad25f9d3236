// What GStreamer's tracer of leaks sees. Linked into a program, it has that tracer run.
#pragma once

#include <map>
#include <string>

namespace torchstreamer::test {

/// How many objects live, by type and name or content, without what GStreamer itself and its
/// registry keep until the end. Waits for threads that end.
std::map<std::string, int> count_live_objects();

}  // namespace torchstreamer::test
