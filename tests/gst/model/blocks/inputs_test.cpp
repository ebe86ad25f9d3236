// The properties inputs and attributes of tsmodel, also while audio flows.
#include <thread>

#include "expect_says.h"
#include "knob.h"

namespace torchstreamer::test {
namespace {

TEST(TsModelInputs, OfABlockModelChangeWithTheNextBuffer) {
  Running running;
  Knob knob;
  for (const float gain : {0.5f, 2.0f, -1.0f}) {
    running.rig.set("inputs", "inputs,gain=" + std::to_string(gain));
    const std::vector<float> x = noise(300, 1);
    expect_same(running.process(x), knob.next(x, gain));
  }
  g_object_set(running.rig.element, "inputs",
               StructurePtr(gst_structure_from_string("inputs,gain=3,invert=true", nullptr)).get(),
               nullptr);
  const std::vector<float> x = noise(200, 2);
  expect_same(running.process(x), knob.next(x, 3, true));
  EXPECT_EQ(running.listener.count("progress start"), 0) << "the model was loaded again";
  EXPECT_EQ(running.rig.stat("resets"), 0u);
  EXPECT_EQ(first_text(running.rig.take_errors()), "");
  EXPECT_EQ(running.warning(), "");
}

TEST(TsModelInputs, KeepTheirLastValueInANewStream) {
  Running running;
  running.rig.set("inputs", "inputs,gain=2.0");
  std::vector<float> x = noise(100, 3);
  expect_same(running.process(x), Knob().next(x, 2));
  ASSERT_TRUE(running.rig.send_caps(audio(1, 8000)));
  x = noise(100, 4);
  running.rig.take();
  running.rig.push(make_buffer(make_info(audio(1, 8000)), bytes_of(x), 5 * GST_SECOND));
  expect_same(floats(running.rig.take_frames()), Knob().next(x, 2));
  gst_element_set_state(running.rig.element, GST_STATE_READY);
  change_state(running.rig.element, GST_STATE_PLAYING);
  running.rig.start(audio(1, kLoopHz));
  running.rig.take();
  expect_same(running.process(x), Knob().next(x, 2));
}

TEST(TsModelInputs, ThatLoseTheirValueLoadTheModelAgain) {
  Running running;
  Knob knob;
  running.rig.set("inputs", "inputs,gain=2.0,invert=true");
  std::vector<float> x = noise(100, 5);
  expect_same(running.process(x), knob.next(x, 2, true));
  running.rig.set("inputs", "inputs,gain=0.5");
  ASSERT_TRUE(running.listener.wait_for("progress complete"));
  x = noise(100, 6);
  expect_same(running.process(x), Knob().next(x, 0.5f));  // a new signal
  EXPECT_EQ(running.listener.count("tsmodel-swap"), 1);
}

TEST(TsModelInputs, ThatDoNotFitAreAWarningAndTheOldOnesContinue) {
  Running running;
  Knob knob;
  std::vector<float> x = noise(100, 7);
  expect_same(running.process(x), knob.next(x, 0.5f));
  for (const auto& [inputs, text] :
       {std::pair("inputs,gain=loud", "gain"), std::pair("inputs,gain=0.5,treble=1.0", "treble"),
        std::pair("inputs,gain=(fraction)1/2", "GstFraction")}) {
    SCOPED_TRACE(inputs);
    running.rig.set("inputs", inputs);
    expect_same(running.process(x), knob.next(x, 0.5f));
    EXPECT_SAYS(text, running.warning());
  }
  running.rig.set("inputs", "inputs,gain=4.0");
  expect_same(running.process(x), knob.next(x, 4));
  EXPECT_EQ(running.warning(), "");
  EXPECT_EQ(running.rig.stat("resets"), 0u);
}

TEST(TsModelInputs, MayBeSetByAnotherThread) {
  Running running;
  std::thread application([&] {
    for (int i = 0; i < 300; ++i)
      running.rig.set("inputs", "inputs,gain=" + std::to_string(i % 7 + 1.0));
  });
  const std::vector<float> x = noise(100, 11);
  for (int i = 0; i < 300; ++i) running.process(x);
  application.join();
  Knob knob;
  knob.next(x, 1);
  expect_same(running.process(x), knob.next(x, 299 % 7 + 1));
  EXPECT_EQ(running.listener.count("progress start"), 0);
  EXPECT_EQ(running.warning(), "");
}

TEST(TsModelInputs, SetTogetherWithALocationBelongToTheNewModel) {
  Running running;
  g_object_set(running.rig.element, "location", model_path("loops/planned_knob.pt").c_str(),
               "window", 0, "inputs",
               StructurePtr(gst_structure_from_string("inputs,gain=8.0", nullptr)).get(), nullptr);
  ASSERT_TRUE(running.listener.wait_for("progress complete"));
  const std::vector<float> x = noise(100, 8);
  std::vector<float> expected = x;
  for (float& value : expected) value *= 8;
  expect_same(running.process(x), expected);
}

/// A planned model takes over as after a new location.
TEST(TsModelInputs, OfAPlannedModelCrossOverWithoutASeam) {
  ElementRig rig("tsmodel",
                 at("loops/planned_knob.pt", {{"inputs", "inputs,gain=0.5"}, {"swap", "cross"}}));
  Listener listener(rig.element);
  ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
  rig.take();
  const std::vector<float> x = noise(3 * kLoopHz, 9);
  const auto push = [&](int64_t begin, int64_t end) {
    rig.push_all(loop_info(), slice(loop_info(), bytes_of(x), begin, end - begin), 160,
                 kLoopStart + loop_time(begin));
  };
  push(0, kLoopHz);
  rig.set("inputs", "inputs,gain=2.0");
  ASSERT_TRUE(listener.wait_for("progress complete"));
  push(kLoopHz, 3 * kLoopHz);
  rig.send_eos();
  const std::vector<StructurePtr> swaps = listener.structures("tsmodel-swap");
  ASSERT_EQ(swaps.size(), 1u);
  guint64 pts = 0;
  gst_structure_get_uint64(swaps[0].get(), "timestamp", &pts);
  const auto first =
      static_cast<size_t>(gst_util_uint64_scale_round(pts - kLoopStart, kLoopHz, GST_SECOND));
  std::vector<float> expected;
  for (size_t t = 0; t < x.size(); ++t) expected.push_back(x[t] * (t < first ? 0.5f : 2));
  EXPECT_GE(first, 2u * kLoopHz);
  expect_same(floats(rig.take_frames()), expected);
  EXPECT_EQ(rig.stat("resets"), 1u) << "of the end of the stream";
}

// Methods, windows and attributes select a model, which takes over like that of a new location.
TEST(TsModelCall, ChangesWhileAudioFlows) {
  const Bytes in = loop_signal();
  ElementRig rig("tsmodel", settings_of(kCodec));
  Listener listener(rig.element);
  ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
  RandomBuffers buffers(&rig, 14);
  buffers.push(in, 0, kLoopFrames);
  rig.take();
  rig.set("method", "encode");
  ASSERT_TRUE(listener.wait_for("progress complete"));
  buffers.push(in, 0, kLoopFrames, kLoopStart + loop_time(kLoopFrames));
  rig.send_eos();
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  const GstAudioInfo out = rig.out_info();
  EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), kLoopHz / 16);
  Bytes encoded;
  for (const BufferPtr& buffer : rig.take_buffers())
    if (GST_BUFFER_PTS(buffer.get()) >= kLoopStart + loop_time(kLoopFrames))
      encoded = encoded + read_frames(out, buffer.get());
  expect_close(encoded, loop_output("encode"));
}

TEST(TsModelOutput, MayBeAName) {
  const std::vector<float> x = noise(100, 10);
  std::vector<float> inverse = x;
  for (float& value : inverse) value = -value;
  for (const auto& [output, expected] :
       {std::pair("audio", x), std::pair("inverse", inverse), std::pair("1", inverse)}) {
    SCOPED_TRACE(output);
    ElementRig rig("tsmodel", at("loops/named.pt", {{"output", output}}));
    expect_close(stream(&rig, 1, bytes_of(x), 7), bytes_of(expected));
  }
}

TEST(TsModelInputs, AreReadAsTheyWereSet) {
  ElementRig rig("tsmodel", settings_of(kKnob));
  GstStructure* inputs = nullptr;
  g_object_get(rig.element, "inputs", &inputs, nullptr);
  g_autofree gchar* text = gst_structure_to_string(inputs);
  EXPECT_STREQ(text, "inputs, gain=(double)0.5;");
  gst_structure_free(inputs);
  g_object_set(rig.element, "inputs", nullptr, nullptr);
  g_object_get(rig.element, "inputs", &inputs, nullptr);
  EXPECT_EQ(inputs, nullptr);
}

}  // namespace
}  // namespace torchstreamer::test
