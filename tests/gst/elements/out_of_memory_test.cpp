// If libtorch or the library cannot allocate memory, the element posts an error or warning and
// works again afterwards.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

#include "gst/support/listener.h"
#include "gst/support/model_rig.h"

namespace {

// Allocations of at least this many bytes fail: those of operator new, and those of
// posix_memalign(), which libtorch uses for tensors.
std::atomic<size_t> new_limit_bytes = SIZE_MAX, tensor_limit_bytes = SIZE_MAX;

}  // namespace

void* operator new(size_t bytes) {
  void* memory = bytes < new_limit_bytes ? std::malloc(bytes) : nullptr;
  if (!memory) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

extern "C" int posix_memalign(void** memory, size_t alignment, size_t bytes) noexcept {
  *memory = bytes < tensor_limit_bytes ? memalign(alignment, bytes) : nullptr;
  return *memory ? 0 : ENOMEM;
}

namespace torchstreamer::test {
namespace {

/// Sets `limit` to `bytes` during its lifetime.
class Shortage {
 public:
  Shortage(std::atomic<size_t>& limit, size_t bytes) : limit_(limit) { limit_ = bytes; }
  ~Shortage() { limit_ = SIZE_MAX; }

 private:
  std::atomic<size_t>& limit_;
};

constexpr char kModel[] = "double.script.pt";  // runs through libtorch, which allocates memory
constexpr int kChannels = 2;
constexpr int64_t kFrames = 1000;

/// Output for one signal in a new segment.
Bytes stream_noise(ElementRig* rig) {
  const GstAudioInfo info = make_info(audio(kChannels));
  EXPECT_TRUE(rig->send_segment(0, GST_CLOCK_TIME_NONE));
  EXPECT_EQ(rig->push_all(info, make_noise(info, kFrames, 1), 100), GST_FLOW_OK);
  rig->send_eos();
  return rig->take_frames();
}

/// Pushes while memory is exhausted and returns the error. After a flush the output must be that of
/// a new element.
ErrorMessage push_error(std::atomic<size_t>& limit) {
  ElementRig rig("tsmodel", at(kModel)), other("tsmodel", at(kModel));
  EXPECT_TRUE(rig.start(audio(kChannels)) && other.start(audio(kChannels)));
  const GstAudioInfo info = make_info(audio(kChannels));
  BufferPtr first = make_buffer(info, make_noise(info, kFrames, 2), 0);
  BufferPtr second = make_buffer(info, make_noise(info, kFrames, 3), GST_CLOCK_TIME_NONE);
  EXPECT_EQ(rig.push(std::move(first)), GST_FLOW_OK);
  GstFlowReturn flow;
  {
    const Shortage shortage(limit, 1);
    flow = rig.push(std::move(second));
  }
  EXPECT_EQ(flow, GST_FLOW_ERROR);
  const auto errors = rig.take_errors();
  EXPECT_EQ(errors.size(), 1u);

  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  rig.take();
  EXPECT_EQ(stream_noise(&rig), stream_noise(&other));
  return errors.empty() ? ErrorMessage{} : errors[0];
}

TEST(OutOfMemory, InAPushOfTheLibrary) {
  expect_error(push_error(new_limit_bytes), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
               "Out of memory");
}

TEST(OutOfMemory, InAPushOfLibtorch) {
  const ErrorMessage error = push_error(tensor_limit_bytes);
  EXPECT_EQ(error.domain, GST_LIBRARY_ERROR) << error.text;
  EXPECT_NE(error.text.find("memory"), std::string::npos) << error.text;
}

// No output has been pushed, as for a signal that is too short; but this is an error.
TEST(OutOfMemory, AtTheEndOfASignal) {
  ElementRig rig("tsmodel", at(kModel, {{"block-duration", "1000000000"}}));
  EXPECT_TRUE(rig.start(audio(kChannels)));
  const GstAudioInfo info = make_info(audio(kChannels));
  EXPECT_EQ(rig.push(make_buffer(info, make_noise(info, kFrames, 2), 0)), GST_FLOW_OK);
  {
    const Shortage shortage(new_limit_bytes, 1);
    rig.send_eos();
  }
  EXPECT_NE(first_text(rig.take_errors()).find("Out of memory"), std::string::npos);
}

TEST(OutOfMemory, WhileCapsAreSet) {
  ElementRig rig("tsmodel", at("blocks.script.pt", {{"channels", "each"}}));
  rig.send(gst_event_new_stream_start("test"));
  GstEvent* caps = gst_event_new_caps(make_caps(audio(kChannels)).get());
  {
    const Shortage shortage(new_limit_bytes, 1);
    rig.send(caps);
  }
  const auto errors = rig.take_errors();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].text.find("Out of memory"), std::string::npos) << errors[0].text;
  ElementRig other("tsmodel", at("blocks.script.pt", {{"channels", "each"}}));
  EXPECT_TRUE(rig.start(audio(kChannels)) && other.start(audio(kChannels)));
  rig.take();
  EXPECT_EQ(stream_noise(&rig), stream_noise(&other));
}

TEST(OutOfMemory, InAGap) {
  ElementRig rig("tsmodel", at(kModel)), other("tsmodel", at(kModel));
  EXPECT_TRUE(rig.start(audio(kChannels)) && other.start(audio(kChannels)));
  const GstAudioInfo info = make_info(audio(kChannels));
  EXPECT_EQ(rig.push(make_buffer(info, make_noise(info, kFrames, 2), 0)), GST_FLOW_OK);
  {
    const Shortage shortage(new_limit_bytes, 1);
    rig.send(gst_event_new_gap(time_of(kFrames), time_of(1)));
  }
  EXPECT_NE(first_text(rig.take_errors()).find("Out of memory"), std::string::npos);
  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  rig.take();
  EXPECT_EQ(stream_noise(&rig), stream_noise(&other));
}

// The old model continues.
TEST(OutOfMemory, InAModelSwap) {
  ElementRig rig("tsmodel", at("same3.script.pt", {{"channels", "each"}}));
  Listener listener(rig.element);
  EXPECT_TRUE(rig.start(audio(1)));
  rig.set("swap-time", std::to_string(time_of(kFrames)));
  rig.set("location", model_path("known_late.script.pt"));  // has a large state
  ASSERT_TRUE(listener.wait_for("progress complete"));
  EXPECT_TRUE(rig.send_caps(audio(kChannels)));  // no engine is ready for this number of channels
  const GstAudioInfo info = make_info(audio(kChannels));
  EXPECT_EQ(rig.push_all(info, make_noise(info, kFrames, 1), 100), GST_FLOW_OK);
  BufferPtr buffer = make_buffer(info, make_noise(info, 1, 2), time_of(kFrames));
  {
    const Shortage shortage(new_limit_bytes, 2000);
    EXPECT_EQ(rig.push(std::move(buffer)), GST_FLOW_OK);
  }
  EXPECT_NE(first_text(rig.take_errors(GST_MESSAGE_WARNING)).find("Out of memory"),
            std::string::npos);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
}

// A flush cannot fail. The message that it causes contains a path.
TEST(OutOfMemory, InAFlushThatEndsAHandover) {
  ElementRig rig("tsmodel", at("known_near.script.pt", {{"swap", "cross"}}));
  EXPECT_TRUE(rig.start(audio(1)));
  const GstAudioInfo info = make_info(audio(1));
  rig.push_all(info, make_noise(info, kFrames, 1), 100);
  {
    Listener listener(rig.element);
    rig.set("location", model_path("known_ahead.script.pt"));
    ASSERT_TRUE(listener.wait_for("progress complete"));
  }
  rig.push_all(info, make_noise(info, kFrames, 1), 100, time_of(kFrames));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_ELEMENT), 0);
  rig.take();
  GstEvent *start = gst_event_new_flush_start(), *stop = gst_event_new_flush_stop(TRUE);
  {
    const Shortage shortage(new_limit_bytes, 64);
    rig.send(start);
    rig.send(stop);
  }
  rig.send_segment(0, GST_CLOCK_TIME_NONE);
  rig.push_all(info, make_noise(info, kFrames, 1), 100);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_ELEMENT), 1);
}

// A new number of channels needs a plan. A failed allocation must not count as a refusal.
TEST(OutOfMemory, WhilePlanningForADifferentNumberOfChannels) {
  for (const size_t bytes : {1, 256, 1024, 4096, 16384}) {
    SCOPED_TRACE(bytes);
    ElementRig rig("tsmodel", at("pointwise.script.pt"));
    rig.send(gst_event_new_stream_start("test"));
    GstEvent* caps = gst_event_new_caps(make_caps(audio(kChannels)).get());
    {
      const Shortage shortage(new_limit_bytes, bytes);
      rig.send(caps);
    }
    rig.take_errors();
    EXPECT_TRUE(rig.start(audio(kChannels)));
    rig.take();
    const GstAudioInfo info = make_info(audio(kChannels));
    EXPECT_EQ(rig.push_all(info, make_noise(info, kFrames, 1), 100), GST_FLOW_OK);
    EXPECT_EQ(first_text(rig.take_errors()), "");
  }
}

// Any allocation of the loader may fail, except those as short as a path: GLib ends the process if
// one of its allocations fails.
TEST(OutOfMemory, WhileLoading) {
  ElementRig warm("tsmodel", at("same3.script.pt"));  // initialises libtorch
  for (std::atomic<size_t>* limit : {&new_limit_bytes, &tensor_limit_bytes})
    for (const size_t bytes : {1024, 4096}) {
      GstElement* element = gst_element_factory_make("tsmodel", nullptr);
      GstBus* bus = gst_bus_new();
      gst_element_set_bus(element, bus);
      g_object_set(element, "location", model_path(kModel).c_str(), nullptr);
      GstStateChangeReturn change;
      {
        const Shortage shortage(*limit, bytes);
        change = change_state(element, GST_STATE_PAUSED);
      }
      if (bytes == 1024) {
        EXPECT_EQ(change, GST_STATE_CHANGE_FAILURE);
      }
      if (change == GST_STATE_CHANGE_FAILURE) {
        EXPECT_NE(only_error(bus).text, "");
      }
      EXPECT_EQ(change_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
      gst_element_set_state(element, GST_STATE_NULL);
      gst_element_set_bus(element, nullptr);
      gst_object_unref(bus);
      gst_object_unref(element);
    }
}

TEST(OutOfMemory, InAModelWithAHugeAllocation) {
  const ErrorMessage error = load_error(model_path("refused_HugeAllocation.script.pt"));
  EXPECT_NE(error.text.find("memory"), std::string::npos) << error.text;
}

}  // namespace
}  // namespace torchstreamer::test
