// Behind all tests no object of GStreamer may be left. Linked into each program that tests
// elements.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include "gst/support/live_objects.h"

namespace torchstreamer::test {
namespace {

class LeakChecker : public ::testing::Environment {
  void TearDown() override {
    if (!gst_is_initialized()) return;  // there was nothing to leak
    for (const auto& [object, count] : count_live_objects())
      ADD_FAILURE() << count << " are left behind of " << object;
  }
};

const bool is_installed = (::testing::AddGlobalTestEnvironment(new LeakChecker), true);

}  // namespace
}  // namespace torchstreamer::test
