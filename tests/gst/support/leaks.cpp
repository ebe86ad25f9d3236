// Fails if GStreamer objects are alive after all tests. Linked into each program that tests
// elements.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include "gst/support/live_objects.h"

namespace torchstreamer::test {
namespace {

class LeakChecker : public ::testing::Environment {
  void TearDown() override {
    if (!gst_is_initialized()) return;  // no objects were created
    for (const auto& [object, count] : count_live_objects())
      ADD_FAILURE() << count << " objects leaked: " << object;
  }
};

const bool is_installed = (::testing::AddGlobalTestEnvironment(new LeakChecker), true);

}  // namespace
}  // namespace torchstreamer::test
