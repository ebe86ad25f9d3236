// tsmodel: a model is loading while the application continues, stops the element or exits.
#include <gtest/gtest.h>
#include <atomic>
#include <thread>

#include "gst/model/swap/cases.h"
#include "gst/support/gst_main.h"
#include "gst/support/median.h"

namespace torchstreamer::test {
namespace {

// Every input frame is processed by one of the models, none of which changes the length.
TEST(TsModelSwap, AThreadMayRequestModelsAllTheTime) {
  const GstAudioInfo info = make_info(audio(1));
  const Bytes block = make_noise(info, 100, 1);
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  rig.start(audio(1));
  std::atomic<bool> is_over = false;
  std::thread requester([&] {
    const char* files[] = {"blocks.script.pt", "same3.trace.pt", "in_place.script.pt"};
    for (int i = 0; i < 60; ++i) {
      rig.set("location", i % 7 == 6 ? "/no/such/model.pt" : model_path(files[i % 3]));
      if (i % 5 == 0) g_signal_emit_by_name(rig.element, "reload");
      const int swaps = listener.count("tsmodel-swap");
      for (int ms = 0; i % 2 && ms < 20 && listener.count("tsmodel-swap") == swaps; ++ms)
        g_usleep(1000);
    }
    rig.set("location", model_path("in_place.trace.pt"));
    listener.wait_for("tsmodel-swap", listener.count("tsmodel-swap") + 1);
    is_over = true;
  });
  int64_t blocks = 0;
  for (; !is_over || blocks < 100; ++blocks)
    ASSERT_EQ(rig.push(make_buffer(info, block, time_of(100 * blocks))), GST_FLOW_OK);
  requester.join();
  rig.send_eos();
  EXPECT_EQ(rig.take_frames().size(), block.size() * blocks);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  EXPECT_EQ(gst_structure_get_string(listener.structures("tsmodel-swap").back().get(), "location"),
            model_path("in_place.trace.pt"));
}

// The weights of "heavy" are 33 MB.
TEST(TsModelSwap, LoadingDoesNotDelayTheStateChangeToNull) {
  std::vector<std::chrono::steady_clock::duration> times;
  for (int i = 0; i < 9; ++i) {
    ElementRig rig("tsmodel", at("same3.script.pt"));
    Listener listener(rig.element);
    rig.start(audio(1));
    rig.set("location", model_path("heavy.script.pt"));
    g_usleep(i * 10000);  // different phases of loading
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(gst_element_set_state(rig.element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    times.push_back(std::chrono::steady_clock::now() - begin);
    EXPECT_EQ(listener.count("error"), 0);
  }
  EXPECT_LT(median(times), std::chrono::milliseconds(100));
}

/// Requests a model and exits while it is loading.
int leave_early() {
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  g_object_set(element, "location", model_path("same3.script.pt").c_str(), nullptr);
  if (change_state(element, GST_STATE_PLAYING) != GST_STATE_CHANGE_SUCCESS) return 1;
  g_object_set(element, "location", model_path("heavy.script.pt").c_str(), nullptr);
  gst_element_set_state(element, GST_STATE_NULL);
  g_usleep(20000);  // libtorch is loading by then
  return 0;
}

TEST(TsModelSwap, AProcessMayEndWhileAModelIsLoading) { run_self("--leave-early"); }

}  // namespace
}  // namespace torchstreamer::test

int main(int argc, char** argv) {
  using namespace torchstreamer::test;
  return run_gst_tests(argc, argv, {{"--leave-early", leave_early}});
}
