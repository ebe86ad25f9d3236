// Several threads set properties, query, seek with a flush and change the model while data flows.
// tests/sanitize.sh also runs this test with ThreadSanitizer.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <thread>

#include "gst/support/listener.h"
#include "gst/support/model_rig.h"

namespace torchstreamer::test {
namespace {

constexpr auto kDuration = std::chrono::seconds(3);
constexpr GstClockTime kSignalNs = 3600 * GST_SECOND;

/// Waits for the end of the stream.
void expect_end(GstElement* pipeline) {
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* end = gst_bus_timed_pop_filtered(
      bus, 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  EXPECT_TRUE(end && GST_MESSAGE_TYPE(end) == GST_MESSAGE_EOS) << "no end of the stream";
  if (end) gst_message_unref(end);
  gst_object_unref(bus);
}

class Stress : public ::testing::Test {
 protected:
  explicit Stress(const std::string& before_model = "") {
    const std::string launch =
        "audiotestsrc name=source samplesperbuffer=441 ! audio/x-raw,format=F32LE,rate=44100,"
        "channels=1 ! tsresample name=resample flush-timeout=1000000 ! audio/x-raw,rate=48000 ! " +
        before_model +
        "tsmodel name=model flush-timeout=1000000 location=" + model_path("same3.script.pt") +
        " ! fakesink name=sink signal-handoffs=true";
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

  /// Repeats `action` in a thread, with its own random numbers, until the test ends.
  void repeat(unsigned seed, const std::function<void(std::mt19937&)>& action) {
    threads_.emplace_back([=] {
      std::mt19937 random(seed);
      while (!is_over_) {
        action(random);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
      }
    });
  }

  void query() {
    for (GstElement* element : {resample_, model_}) {
      guint64 latency_ns;
      GstStructure* stats;
      g_object_get(element, "latency", &latency_ns, "stats", &stats, nullptr);
      gst_structure_free(stats);
    }
    GstQuery* query = gst_query_new_latency();
    gst_element_query(pipeline_, query);
    gst_query_unref(query);
  }

  /// One model changes the output caps; one needs different input caps and is refused.
  void change_model(std::mt19937& random) {
    const char* files[] = {"same3.script.pt", "same3.trace.pt", "blocks.script.pt", "up3.script.pt",
                           "gain2.script.pt"};
    gst_util_set_object_arg(G_OBJECT(model_), "swap", random() % 2 ? "cross" : "drain");
    g_object_set(model_, "location", model_path(files[random() % 5]).c_str(), "swap-time",
                 random() % 2 ? GST_CLOCK_TIME_NONE : random() % 10 * GST_SECOND, nullptr);
    g_signal_emit_by_name(model_, "reload");
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

  /// True if a buffer arrives within 10 s.
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

TEST_F(Stress, PropertiesQueriesSeeksAndModelsWhileDataFlows) {
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
  repeat(3, [this](std::mt19937&) { query(); });
  repeat(4, [this](std::mt19937& random) { seek(random() % 1000 * GST_MSECOND); });
  repeat(5, [this, &listener](std::mt19937& random) {
    change_model(random);
    // Without a wait each load would be cancelled by the next one.
    if (random() % 4 == 0) listener.wait_for_loads(listener.count("progress start"));
  });

  std::this_thread::sleep_for(kDuration);
  // The first load of a process takes seconds with a sanitizer.
  EXPECT_TRUE(listener.wait_for("tsmodel-swap")) << "no model was changed";
  EXPECT_TRUE(flows());
  is_over_ = true;
  for (std::thread& thread : threads_) thread.join();
  EXPECT_TRUE(flows()) << "after the last seek";
  seek(kSignalNs - GST_SECOND / 10);
  expect_end(pipeline_);
  expect_no_error();
}

/// With a converter in front, which can change the number of channels, and a queue, which delays
/// the new caps. Without seeks: in GStreamer 1.22 a flush while audioconvert negotiates may be an
/// error of GstBaseTransform.
class StressOfChannels : public Stress {
 protected:
  StressOfChannels() : Stress("audioconvert ! queue ! ") {}
};

TEST_F(StressOfChannels, ModelsWithDifferentChannels) {
  Listener listener(pipeline_);
  ASSERT_NE(gst_element_set_state(pipeline_, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  repeat(1, [this, &listener](std::mt19937& random) {
    const char* files[] = {"same3.script.pt", "blocks.script.pt", "up3.script.pt",
                           "gain2.script.pt", "double.script.pt"};
    gst_util_set_object_arg(G_OBJECT(model_), "swap", random() % 2 ? "cross" : "drain");
    g_object_set(model_, "location", model_path(files[random() % 5]).c_str(), nullptr);
    if (random() % 3 == 0) listener.wait_for_loads(listener.count("progress start"));
    if (random() % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
  });
  std::this_thread::sleep_for(kDuration);
  EXPECT_TRUE(flows());
  is_over_ = true;
  for (std::thread& thread : threads_) thread.join();
  EXPECT_TRUE(flows()) << "after the last model";
  EXPECT_GT(listener.count("tsmodel-swap"), 5);
  expect_no_error();
}

/// A branch that is added to a playing pipeline, and removed by the destructor.
class Branch {
 public:
  Branch(GstElement* pipeline, GstElement* tee, const std::string& file)
      : pipeline_(pipeline), tee_(tee) {
    const std::string line =
        "queue ! tsresample ! audio/x-raw,rate=22050 ! tsmodel location=" + model_path(file) +
        " ! fakesink async=false name=end";
    bin_ = gst_parse_bin_from_description(line.c_str(), TRUE, nullptr);
    gst_bin_add(GST_BIN(pipeline_), bin_);
    GstElement* end = gst_bin_get_by_name(GST_BIN(bin_), "end");
    GstPad* end_pad = gst_element_get_static_pad(end, "sink");
    gst_pad_add_probe(
        end_pad, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo*, gpointer self) {
          ++static_cast<Branch*>(self)->buffers_;
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
    gst_object_unref(end_pad);
    gst_object_unref(end);
    EXPECT_TRUE(gst_element_sync_state_with_parent(bin_));
    pad_ = gst_element_request_pad_simple(tee_, "src_%u");
    GstPad* sink = gst_element_get_static_pad(bin_, "sink");
    EXPECT_EQ(gst_pad_link(pad_, sink), GST_PAD_LINK_OK);
    gst_object_unref(sink);
  }
  ~Branch() {
    GstPad* sink = gst_element_get_static_pad(bin_, "sink");
    gst_pad_unlink(pad_, sink);
    gst_object_unref(sink);
    gst_element_release_request_pad(tee_, pad_);
    gst_object_unref(pad_);
    gst_element_set_state(bin_, GST_STATE_NULL);
    gst_bin_remove(GST_BIN(pipeline_), bin_);
  }
  Branch(const Branch&) = delete;
  Branch& operator=(const Branch&) = delete;

  bool flows() const {
    for (int i = 0; i < 1000 && buffers_ < 3; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return buffers_ >= 3;
  }

 private:
  GstElement *const pipeline_, *const tee_;
  GstElement* bin_;
  GstPad* pad_;
  std::atomic<int> buffers_ = 0;
};

// Adding and removing branches causes no gap in a branch that plays all the time.
TEST(Branches, AreAddedAndRemovedWhilePlaying) {
  const std::string launch =
      "audiotestsrc name=source samplesperbuffer=441 ! audio/x-raw,format=F32LE,rate=44100,"
      "channels=1 ! tee name=tee allow-not-linked=true ! queue ! tsmodel name=model location=" +
      model_path("same3.script.pt") + " ! fakesink async=false name=sink";
  GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
  GstElement* tee = gst_bin_get_by_name(GST_BIN(pipeline), "tee");
  GstElement* model = gst_bin_get_by_name(GST_BIN(pipeline), "model");
  GstPad* src = gst_element_get_static_pad(model, "src");
  struct Received {
    GstClockTime due_ns = 0;
    int gaps = 0;
  } received;
  gst_pad_add_probe(
      src, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo* info, gpointer data) {
        auto* received = static_cast<Received*>(data);
        GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
        received->gaps += GST_BUFFER_PTS(buffer) != received->due_ns;
        received->due_ns = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
        return GST_PAD_PROBE_OK;
      },
      &received, nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::mt19937 random(1);
  const char* files[] = {"same3.script.pt", "up3.script.pt", "blocks.script.pt"};
  std::vector<std::unique_ptr<Branch>> branches;
  for (int i = 0; i < 20; ++i) {
    branches.push_back(std::make_unique<Branch>(pipeline, tee, files[i % 3]));
    EXPECT_TRUE(branches.back()->flows()) << "branch " << i;
    if (branches.size() > 3) branches.erase(branches.begin() + random() % branches.size());
  }
  branches.clear();
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  gst_element_send_event(source, gst_event_new_eos());
  expect_end(pipeline);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  EXPECT_GT(received.due_ns, GST_SECOND / 10);
  EXPECT_EQ(received.gaps, 0);
  for (gpointer object :
       {gpointer(source), gpointer(src), gpointer(model), gpointer(tee), gpointer(pipeline)})
    gst_object_unref(object);
}

}  // namespace
}  // namespace torchstreamer::test
