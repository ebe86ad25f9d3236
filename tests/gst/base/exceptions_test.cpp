// Exceptions become messages of elements.
#include "base/exceptions.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "gst/support/element_rig.h"
#include "process/cancellable.h"

namespace torchstreamer::test {
namespace {

class Exceptions : public testing::Test {
 protected:
  Exceptions() { gst_element_set_bus(element_, bus_); }
  ~Exceptions() override {
    gst_element_set_bus(element_, nullptr);
    gst_object_unref(bus_);
    gst_object_unref(element_);
  }

  GstElement* const element_ = gst_element_factory_make("identity", nullptr);
  GstBus* const bus_ = gst_bus_new();
};

TEST_F(Exceptions, BecomeErrorMessages) {
  EXPECT_FALSE(run_guarded(element_, ErrorContext::kStreaming,
                           [] { throw std::runtime_error("text\ndetails"); }));
  GstMessage* message = gst_bus_pop_filtered(bus_, GST_MESSAGE_ERROR);
  ASSERT_TRUE(message);
  const ErrorMessage error = parse_error(message);
  EXPECT_EQ(error.text, "text");
  EXPECT_NE(error.debug.find("details"), std::string::npos) << error.debug;
}

// Engines throw Cancelled after exit() has begun.
TEST_F(Exceptions, CancelledPostsNoMessage) {
  EXPECT_FALSE(run_guarded(element_, ErrorContext::kStreaming, [] { throw Cancelled(); }));
  EXPECT_FALSE(gst_bus_have_pending(bus_));
}

}  // namespace
}  // namespace torchstreamer::test
