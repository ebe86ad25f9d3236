// tsresample: invalid buffers, passthrough and metas.
#include <gtest/gtest.h>

#include "gst/resample/resample_cases.h"

namespace torchstreamer::test {
namespace {

TEST(TsResample, BadBuffersAreElementErrors) {
  ElementRig rig("tsresample");
  rig.start(kPlanar, to_rate(48000));
  BufferPtr buffer(gst_buffer_new_allocate(nullptr, 800, nullptr));
  EXPECT_EQ(rig.push(std::move(buffer)), GST_FLOW_ERROR);
  EXPECT_NE(first_text(rig.take_errors()).find("GstAudioMeta"), std::string::npos);
}

// The next signal must not depend on frames before the bad buffer.
TEST(TsResample, ABadBufferEndsTheSignal) {
  const GstAudioInfo info = make_info(kPlanar);
  const Bytes noise = make_noise(info, 441, 1);
  ElementRig rig("tsresample");
  rig.start(kPlanar, to_rate(48000));
  rig.push_all(info, make_noise(info, 441, 2), 441);
  EXPECT_EQ(rig.push(BufferPtr(gst_buffer_new_allocate(nullptr, 800, nullptr))), GST_FLOW_ERROR);
  rig.take();
  EXPECT_EQ(rig.push_all(info, noise, 100, GST_SECOND), GST_FLOW_OK);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
}

/// A buffer of `bytes` bytes whose memory cannot be mapped.
BufferPtr make_unmappable(gsize bytes) {
  static const GType type = g_type_register_static_simple(
      GST_TYPE_ALLOCATOR, "UnmappableAllocator", sizeof(GstAllocatorClass),
      [](gpointer klass, gpointer) {
        GST_ALLOCATOR_CLASS(klass)->free = [](GstAllocator*, GstMemory* memory) { g_free(memory); };
      },
      sizeof(GstAllocator), nullptr, static_cast<GTypeFlags>(0));
  auto* allocator = static_cast<GstAllocator*>(g_object_new(type, nullptr));
  gst_object_ref_sink(allocator);
  allocator->mem_map = [](GstMemory*, gsize, GstMapFlags) -> gpointer { return nullptr; };
  allocator->mem_unmap = [](GstMemory*) {};
  GstMemory* memory = g_new0(GstMemory, 1);
  gst_memory_init(memory, static_cast<GstMemoryFlags>(0), allocator, nullptr, bytes, 0, 0, bytes);
  gst_object_unref(allocator);  // the memory holds a reference
  BufferPtr buffer(gst_buffer_new());
  gst_buffer_append_memory(buffer.get(), memory);
  return buffer;
}

TEST(TsResample, MemoryThatCannotBeMappedIsAnElementError) {
  for (GstBufferFlags flag : {GST_BUFFER_FLAG_MARKER, GST_BUFFER_FLAG_GAP}) {
    ElementRig rig("tsresample");
    rig.start(mono(44100), to_rate(48000));
    BufferPtr buffer = make_unmappable(400);
    GST_BUFFER_FLAG_SET(buffer.get(), flag);
    EXPECT_EQ(rig.push(std::move(buffer)), GST_FLOW_ERROR);
    EXPECT_NE(first_text(rig.take_errors()).find("cannot be mapped"), std::string::npos);
  }
}

TEST(TsResample, StateChangesResetTheStream) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 441, 1);
  ElementRig rig("tsresample");
  for (GstState low : {GST_STATE_READY, GST_STATE_NULL, GST_STATE_READY}) {
    ASSERT_TRUE(rig.start(mono(44100), to_rate(48000)));
    rig.push_all(info, noise, 441);
    rig.take();
    gst_element_set_state(rig.element, low);
    EXPECT_EQ(rig.latency_ns(), 0u);
    gst_element_set_state(rig.element, GST_STATE_PLAYING);
    EXPECT_EQ(rig.stat("frames-in"), 0u);
    EXPECT_EQ(order(rig.take()), Names());
  }
  ASSERT_TRUE(rig.start(mono(44100), to_rate(48000)));
  rig.push_all(info, noise, 441);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
}

TEST(TsResample, EqualRatesPassBuffersThrough) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(44100));
  BufferPtr buffer = make_buffer(info, make_noise(info, 100, 1), 123);
  GstBuffer* const address = buffer.get();
  rig.push(std::move(buffer));
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  ASSERT_EQ(buffers.size(), 1u);
  EXPECT_EQ(buffers[0].get(), address);
  EXPECT_EQ(rig.latency_ns(), 0u);
}

TEST(TsResample, TheTailIsPushedBeforePassthroughStarts) {
  const GstAudioInfo info = make_info(mono(44100)), equal = make_info(mono(48000));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, make_noise(info, 441, 1), 441);
  rig.send_caps(mono(48000));
  rig.push_all(equal, make_noise(equal, 480, 2), 480, 10 * GST_MSECOND);
  rig.send_caps(mono(44100));
  rig.push_all(info, make_noise(info, 441, 3), 441, 20 * GST_MSECOND);
  rig.send_eos();
  EXPECT_EQ(count_frames(equal, rig.take_frames()), 3 * 480);
}

TEST(TsResample, KeepsMetasThatDoNotDependOnTheRate) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  const CapsPtr reference = make_caps("timestamp/x-ntp");
  for (int i : {0, 1}) {
    BufferPtr buffer = make_buffer(info, make_noise(info, 441, i), i * 10 * GST_MSECOND);
    gst_buffer_add_reference_timestamp_meta(buffer.get(), reference.get(),
                                            GST_SECOND + i * 10 * GST_MSECOND, 10 * GST_MSECOND);
    gst_buffer_add_protection_meta(buffer.get(), gst_structure_new_empty("note"));
    gst_buffer_add_audio_clipping_meta(buffer.get(), GST_FORMAT_DEFAULT, 1, 2);
    rig.push(std::move(buffer));
  }
  for (const BufferPtr& buffer : rig.take_buffers()) {
    const auto* stamp = gst_buffer_get_reference_timestamp_meta(buffer.get(), nullptr);
    ASSERT_NE(stamp, nullptr);
    EXPECT_EQ(stamp->timestamp, GST_SECOND + GST_BUFFER_PTS(buffer.get()));
    EXPECT_NE(gst_buffer_get_protection_meta(buffer.get()), nullptr);
    EXPECT_EQ(gst_buffer_get_audio_clipping_meta(buffer.get()), nullptr);
  }
}

TEST(TsResample, RefusesDataBeforeCaps) {
  ElementRig rig("tsresample");
  rig.send(gst_event_new_stream_start("test"));
  rig.send_segment(0, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(rig.push(make_buffer(make_info(mono(44100)), Bytes(400), 0)), GST_FLOW_NOT_NEGOTIATED);
}

}  // namespace
}  // namespace torchstreamer::test
