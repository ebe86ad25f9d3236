// What an application does to elements while data flows: from several threads at once it sets
// properties, asks, seeks with a flush, and changes the model. tests/sanitize.sh runs this with
// ThreadSanitizer, too.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <thread>

#include "listener.h"
#include "model_rig.h"

namespace torchstreamer::test {
namespace {

constexpr auto kDuration = std::chrono::seconds(3);
constexpr GstClockTime kSignalNs = 3600 * GST_SECOND;

class Stress : public ::testing::Test {
 protected:
  Stress() {
    const std::string launch =
        "audiotestsrc name=source samplesperbuffer=441 ! audio/x-raw,format=F32LE,rate=44100,"
        "channels=1 ! tsresample name=resample ! audio/x-raw,rate=48000 ! tsmodel name=model "
        "location=" +
        model_path("same3.script.pt") + " ! fakesink name=sink signal-handoffs=true";
    pipeline_ = gst_parse_launch(launch.c_str(), nullptr);
    resample_ = gst_bin_get_by_name(GST_BIN(pipeline_), "resample");
    model_ = gst_bin_get_by_name(GST_BIN(pipeline_), "model");
    sink_ = gst_bin_get_by_name(GST_BIN(pipeline_), "sink");
    g_signal_connect(sink_, "handoff", G_CALLBACK(count), this);
  }
  ~Stress() override {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    for (GstElement* element : {resample_, model_, sink_, pipeline_}) gst_object_unref(element);
  }

  static void count(GstElement*, GstBuffer*, GstPad*, gpointer self) {
    ++static_cast<Stress*>(self)->buffers_;
  }

  /// `action` again and again, with random numbers of its own, until the test ends.
  void repeat(unsigned seed, const std::function<void(std::mt19937&)>& action) {
    threads_.emplace_back([=] {
      std::mt19937 random(seed);
      while (!is_over_) {
        action(random);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
      }
    });
  }

  void seek(GstClockTime position) {
    gst_element_seek(pipeline_, 1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
                     position, GST_SEEK_TYPE_SET, kSignalNs);
  }

  void expect_no_error() {
    GstBus* bus = gst_element_get_bus(pipeline_);
    while (GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR))
      ADD_FAILURE() << parse_error(message).text;
    gst_object_unref(bus);
  }

  /// Whether a buffer comes soon.
  bool flows() {
    const int64_t before = buffers_;
    for (int i = 0; i < 1000 && buffers_ == before; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return buffers_ > before;
  }

  GstElement *pipeline_, *resample_, *model_, *sink_;
  std::atomic<int64_t> buffers_ = 0;
  std::atomic<bool> is_over_ = false;
  std::vector<std::thread> threads_;
};

TEST_F(Stress, PropertiesQuestionsSeeksAndModelsWhileDataFlows) {
  const GParamSpec* location = g_object_class_find_property(G_OBJECT_GET_CLASS(model_), "location");
  ASSERT_TRUE(location->flags & GST_PARAM_MUTABLE_PLAYING);
  Listener listener(pipeline_);
  ASSERT_NE(gst_element_set_state(pipeline_, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  ASSERT_EQ(gst_element_get_state(pipeline_, nullptr, nullptr, 60 * GST_SECOND),
            GST_STATE_CHANGE_SUCCESS);
  repeat(1, [this](std::mt19937& random) {
    g_object_set(resample_, "lowpass-filter-width", 1 + static_cast<int>(random() % 32), "rolloff",
                 0.9 + random() % 100 / 1000.0, "resampling-method", random() % 2, nullptr);
  });
  repeat(2, [this](std::mt19937& random) {
    for (GstElement* element : {resample_, model_})
      g_object_set(element, "tolerance", guint64{random() % GST_SECOND}, nullptr);
  });
  repeat(3, [this](std::mt19937&) {
    for (GstElement* element : {resample_, model_}) {
      guint64 latency_ns;
      GstStructure* stats;
      g_object_get(element, "latency", &latency_ns, "stats", &stats, nullptr);
      gst_structure_free(stats);
    }
    GstQuery* query = gst_query_new_latency();
    gst_element_query(pipeline_, query);
    gst_query_unref(query);
  });
  repeat(4, [this](std::mt19937& random) { seek(random() % 1000 * GST_MSECOND); });
  repeat(5, [this, &listener](std::mt19937& random) {
    const char* files[] = {"same3.script.pt", "same3.trace.pt"};
    g_object_set(model_, "location", model_path(files[random() % 2]).c_str(), nullptr);
    g_signal_emit_by_name(model_, "reload");
    // Else each would be given up for the next one.
    if (random() % 4 == 0) listener.wait_for_loads(listener.count("progress start"));
  });

  std::this_thread::sleep_for(kDuration);
  EXPECT_TRUE(flows());
  is_over_ = true;
  for (std::thread& thread : threads_) thread.join();
  EXPECT_TRUE(flows()) << "after the last seek";
  EXPECT_GT(listener.count("tsmodel-swap"), 0) << "no model was changed";
  seek(kSignalNs - GST_SECOND / 10);
  GstBus* bus = gst_element_get_bus(pipeline_);
  GstMessage* end = gst_bus_timed_pop_filtered(
      bus, 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  EXPECT_TRUE(end && GST_MESSAGE_TYPE(end) == GST_MESSAGE_EOS) << "no end of the stream";
  if (end) gst_message_unref(end);
  gst_object_unref(bus);
  expect_no_error();
}

}  // namespace
}  // namespace torchstreamer::test
