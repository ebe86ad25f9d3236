// tsmodel: requests that fail while a model plays, several requests, and a converter upstream.
#include <gtest/gtest.h>

#include "expect_says.h"
#include "gst/model/swap/cases.h"

namespace torchstreamer::test {
namespace {

/// Sets `settings` while same3 plays; expects a warning that contains `part` and no other effect.
void expect_old_model_continues(const Settings& settings, const std::string& part,
                                const std::string& downstream = "ANY") {
  SCOPED_TRACE(part);
  const Fixture f = fixture("same3.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", at(f.file));
  Listener listener(rig.element);
  rig.start(audio(1), downstream);
  gst_harness_set_src_caps_str(rig.harness, audio(1).c_str());  // upstream supports only these caps
  rig.push_all(info, slice(info, f.in, 0, 600), 100, kStart);
  for (const auto& [name, value] : settings) rig.set(name, value);
  ASSERT_TRUE(listener.wait_for_loads());
  rig.push_all(info, slice(info, f.in, 600, kFixtureFrames - 600), 100, kStart + time_of(600));
  rig.send_eos();
  expect_close(rig.take_frames(), f);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  const std::string warning = first_text(rig.take_errors(GST_MESSAGE_WARNING));
  EXPECT_SAYS(part, warning);
  EXPECT_EQ(listener.count("warning"), 1);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
}

TEST(TsModelSwap, TheOldModelContinuesIfLoadingFails) {
  expect_old_model_continues({{"location", "/no/such/model.pt"}}, "/no/such/model.pt");
  expect_old_model_continues({{"location", model_path("refused.script.pt")}}, "group_norm");
  expect_old_model_continues({{"location", model_path("models.txt")}}, "models.txt");
  expect_old_model_continues({{"device", "abacus"}}, "abacus");
  expect_old_model_continues({{"sha256", std::string(64, '0')}}, "sha256");
}

TEST(TsModelSwap, TheOldModelContinuesIfTheNewModelDoesNotFitTheCaps) {
  expect_old_model_continues({{"location", model_path("gain2.script.pt")}},
                             "does not take 1 channel but 2");
  expect_old_model_continues({{"location", model_path("down2.script.pt")}},
                             "No element downstream of tsmodel accepts", "audio/x-raw,rate=44100");
}

TEST(TsModelSwap, WorksAfterAFailedRequest) {
  const Swap& swap = kSwaps[0];
  ElementRig rig("tsmodel", at(swap.from));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, swap.from, 0);
  rig.set("location", "/no/such/model.pt");
  ASSERT_TRUE(listener.wait_for("progress error"));
  const std::vector<std::string> words = listener.words();
  EXPECT_EQ(words[words.size() - 2], "warning");
  rig.set("location", model_path(swap.to));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.take_errors(GST_MESSAGE_WARNING);
  push_fixture(&rig, swap.to, kFixtureFrames);
  rig.send_eos();
  expect_swap(&rig, swap);
}

TEST(TsModelSwap, UsesTheLastOfSeveralRequests) {
  const Swap& swap = kSwaps[1];
  ElementRig rig("tsmodel", at(swap.from));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, swap.from, 0);
  for (const char* file : {"blocks.script.pt", "refused.script.pt", "same3.script.pt", swap.to})
    rig.set("location", model_path(file));
  ASSERT_TRUE(listener.wait_for_loads(4) && listener.wait_for("progress complete"));
  rig.take_errors(GST_MESSAGE_WARNING);  // of the refused model, if its load was not cancelled
  push_fixture(&rig, swap.to, kFixtureFrames);
  rig.send_eos();
  expect_swap(&rig, swap);
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
}

TEST(TsModelSwap, DoesNotHappenIfTheCurrentModelIsRequestedAgain) {
  const Fixture f = fixture("same3.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", at(f.file));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(info, slice(info, f.in, 0, 600), 100);
  rig.set("location", model_path("down2.script.pt"));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.set("location", model_path(f.file));
  rig.push_all(info, slice(info, f.in, 600, kFixtureFrames - 600), 100, time_of(600));
  rig.send_eos();
  expect_close(rig.take_frames(), f);
  EXPECT_EQ(listener.count("progress start"), 1);
}

// forward() of "outputs" returns 2 x, means of pairs, and [2 x, -2 x].
TEST(TsModelSwap, PropertiesOfOneCallTakeEffectTogether) {
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, "same3.script.pt", 0);
  rig.take();
  g_object_set(rig.element, "output", "2", "location", model_path("outputs.script.pt").c_str(),
               nullptr);
  ASSERT_TRUE(listener.wait_for("progress complete"));
  EXPECT_EQ(listener.count("progress start"), 1);
  rig.push(make_buffer(info, bytes_of({0.5f, -0.25f}), kStart + time_of(kFixtureFrames)));
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  ASSERT_EQ(buffers.size(), 2u);  // the first one is the last frame of same3
  expect_close(read_frames(rig.out_info(), buffers[1].get()), bytes_of({1, -1, -0.5f, 0.5f}));
}

// An application may set a different model while it answers a need-context message.
TEST(TsModelSwap, UsesALocationThatIsSetWhileAContextIsRequested) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  listener.when("need-context", [&] { rig.set("location", model_path("blocks.script.pt")); });
  rig.start(audio(1));
  push_fixture(&rig, "same3.script.pt", 0);
  rig.set("location", "https://127.0.0.1:1/model.pt");
  ASSERT_TRUE(listener.wait_for_loads(3)) << "the last one is used";
  push_fixture(&rig, "blocks.script.pt", kFixtureFrames);
  rig.send_eos();
  expect_swap(&rig, kSwaps[3]);
}

TEST(TsModelSwap, APendingRequestTakesEffectAtTheNextStart) {
  const Fixture f = fixture("down2.script.pt");
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, "same3.script.pt", 0);
  rig.set("location", model_path(f.file));
  gst_element_set_state(rig.element, GST_STATE_READY);
  const int ended = listener.count("progress complete") + listener.count("progress canceled");
  EXPECT_EQ(ended, 1);
  ASSERT_EQ(change_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  expect_close(stream(&rig, f, 100), f);
  EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
}

// audioconvert converts mono to two equal channels on request.
TEST(TsModelSwap, AConverterServesADifferentNumberOfChannels) {
  const Fixture from = fixture("same3.script.pt"), to = fixture("gain2.script.pt");
  const std::string line = "audioconvert ! tsmodel name=model location=" + model_path(from.file);
  GstHarness* harness = make_harness(line);
  GstElement* model = gst_bin_get_by_name(GST_BIN(harness->element), "model");
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(harness->element, bus);
  gst_harness_set_src_caps_str(harness, audio(1).c_str());
  const GstAudioInfo info = make_info(audio(1));
  const auto push = [&](int64_t first_frame) {
    const BufferPtr buffer = make_buffer(info, from.in, time_of(first_frame));
    ASSERT_EQ(gst_harness_push(harness, gst_buffer_ref(buffer.get())), GST_FLOW_OK);
  };
  push(0);
  g_object_set(model, "location", model_path(to.file).c_str(), nullptr);
  GstMessage* swapped = nullptr;
  int64_t frames = kFixtureFrames;
  for (; !swapped && frames < 100 * kFixtureFrames; frames += kFixtureFrames) {
    push(frames);
    swapped = gst_bus_timed_pop_filtered(bus, GST_MSECOND * 20, GST_MESSAGE_ELEMENT);
  }
  ASSERT_TRUE(swapped);
  gst_message_unref(swapped);
  gst_harness_push_event(harness, gst_event_new_eos());
  Bytes in, made;
  const std::vector<float> mono = floats(from.in);
  for (const float sample : mono) in = in + bytes_of({sample, sample});
  while (GstBuffer* buffer = gst_harness_try_pull(harness)) {
    const BufferPtr owned(buffer);
    made = read_frames(make_info(audio(2)), buffer);  // keeps the last buffer
  }
  ElementRig alone("tsmodel", at(to.file));
  expect_close(made, stream(&alone, 2, in, 5000));
  gst_element_set_bus(harness->element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(model);
  gst_harness_teardown(harness);
}

}  // namespace
}  // namespace torchstreamer::test
