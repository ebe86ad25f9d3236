// The reported latency of an element equals the measured latency, to the frame. Larger blocks
// increase the latency and change nothing else.
#include <gtest/gtest.h>

#include "gst/support/model_rig.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::test {
namespace {

struct Case {
  std::string factory;
  Settings settings;
  int channels_in, in_hz, out_hz;
  int64_t measured_frames = 2500;
};

std::string text_of(const Case& c) {
  std::string text = c.factory + " " + std::to_string(c.in_hz) + " to " + std::to_string(c.out_hz);
  for (const auto& [name, value] : c.settings) text += " " + name + "=" + value;
  return text;
}

void start(ElementRig* rig, const Case& c) {
  rig->start(audio(c.channels_in, c.in_hz), "audio/x-raw,rate=" + std::to_string(c.out_hz));
}

/// Pushes single frames; returns the largest difference between the time of an input frame and the
/// time of the output that its push returns.
GstClockTime measure_delay_ns(const Case& c) {
  ElementRig rig(c.factory, c.settings);
  start(&rig, c);
  const GstAudioInfo info = make_info(audio(c.channels_in, c.in_hz)), out = rig.out_info();
  const Bytes frame = make_noise(info, 1, 1);
  Rational longest = 0;
  int64_t frames_out = 0;
  for (int64_t i = 0; i < c.measured_frames; ++i) {
    rig.push(make_buffer(info, frame, gst_util_uint64_scale_round(i, GST_SECOND, c.in_hz)));
    for (const BufferPtr& buffer : rig.take_buffers()) {
      longest = std::max(longest, Rational(i, c.in_hz) - Rational(frames_out, c.out_hz));
      frames_out += gst_buffer_get_size(buffer.get()) / GST_AUDIO_INFO_BPF(&out);
    }
  }
  EXPECT_GT(frames_out, 0);
  return gst_util_uint64_scale_ceil(longest.num, GST_SECOND, longest.den);
}

void expect_measured_latency(const Case& c) {
  SCOPED_TRACE(text_of(c));
  ElementRig rig(c.factory, c.settings);
  EXPECT_EQ(gst_harness_query_latency(rig.harness), 0u) << "before caps";
  start(&rig, c);
  const GstClockTime latency_ns = rig.latency_ns();
  EXPECT_EQ(latency_ns, measure_delay_ns(c));
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), latency_ns > 0 ? 1 : 0);
  EXPECT_EQ(gst_harness_query_latency(rig.harness), latency_ns);
  gst_harness_set_upstream_latency(rig.harness, 5 * GST_MSECOND);
  EXPECT_EQ(gst_harness_query_latency(rig.harness), 5 * GST_MSECOND + latency_ns);
}

const char* const kBlocks[] = {"0", "1000000", "10000000"};

TEST(Latency, OfTsresampleEqualsTheMeasuredDelay) {
  for (const auto& [in_hz, out_hz] :
       {std::pair(44100, 48000), {48000, 44100}, {48000, 16000}, {16000, 48000}, {8000, 11025}})
    for (const char* width : {"1", "6", "16", "64"})
      for (const char* block_ns : kBlocks)
        expect_measured_latency({"tsresample",
                                 {{"lowpass-filter-width", width}, {"block-duration", block_ns}},
                                 1,
                                 in_hz,
                                 out_hz,
                                 8000});  // covers all phases at all positions in a block
  for (const char* method : {"sinc-interp-hann", "sinc-interp-kaiser"})
    for (const char* rolloff : {"0.99", "0.5", "0.1"})
      for (const char* beta : {"2", "14"})
        expect_measured_latency(
            {"tsresample",
             {{"resampling-method", method}, {"rolloff", rolloff}, {"beta", beta}},
             2,
             44100,
             48000});
}

struct ModelCase {
  const char* name;
  int channels_in, num, den;
};

constexpr ModelCase kModels[] = {
    {"gain2", 2, 1, 1},     {"same3", 1, 1, 1},     {"down2", 1, 1, 2},
    {"up3", 1, 3, 1},       {"stack", 2, 2, 3},     {"same_even", 2, 1, 1},
    {"residual", 3, 1, 1},  {"causal", 2, 1, 1},    {"blocks", 1, 1, 1},
    {"crop", 2, 1, 1},      {"recurrent", 3, 1, 1}, {"upsampled", 1, 3, 1},
    {"max_pools", 2, 1, 6}, {"multiple", 1, 1, 1},  {"known_rational", 1, 3, 2}};

TEST(Latency, OfTsmodelEqualsTheMeasuredDelay) {
  for (const ModelCase& m : kModels)
    for (const char* block_ns : kBlocks)
      expect_measured_latency(
          {"tsmodel", at(m.name + std::string(".script.pt"), {{"block-duration", block_ns}}),
           m.channels_in, kRateHz, kRateHz * m.num / m.den});
}

TEST(Latency, QueryAddsProcessingLatency) {
  ElementRig rig("tsresample", {{"processing-latency", "3000000"}});
  EXPECT_EQ(gst_harness_query_latency(rig.harness), 3 * GST_MSECOND) << "before caps";
  rig.start(audio(1, 44100), "audio/x-raw,rate=48000");
  const GstClockTime latency_ns = rig.latency_ns();
  EXPECT_EQ(gst_harness_query_latency(rig.harness), latency_ns + 3 * GST_MSECOND);
  rig.count_messages(GST_MESSAGE_LATENCY);
  rig.set("processing-latency", "7000000");
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1);
  EXPECT_EQ(gst_harness_query_latency(rig.harness), latency_ns + 7 * GST_MSECOND);
  EXPECT_EQ(rig.latency_ns(), latency_ns);
}

GstPadProbeReturn answer_latency(GstPad*, GstPadProbeInfo* info, gpointer max_ns) {
  GstQuery* query = GST_PAD_PROBE_INFO_QUERY(info);
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return GST_PAD_PROBE_OK;
  gst_query_set_latency(query, TRUE, 10 * GST_MSECOND, *static_cast<GstClockTime*>(max_ns));
  return GST_PAD_PROBE_HANDLED;
}

TEST(Latency, QueryAddsToTheUpstreamMaximumUnlessUnlimited) {
  for (GstClockTime max_ns : {GstClockTime(30 * GST_MSECOND), GST_CLOCK_TIME_NONE}) {
    ElementRig rig("tsresample", {{"processing-latency", "1000000"}});
    gst_pad_add_probe(rig.harness->srcpad, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM, answer_latency,
                      &max_ns, nullptr);
    rig.start(audio(1, 44100), "audio/x-raw,rate=48000");
    GstQuery* query = gst_query_new_latency();
    ASSERT_TRUE(gst_pad_peer_query(rig.harness->sinkpad, query));
    gboolean is_live;
    GstClockTime reported_min_ns, reported_max_ns;
    gst_query_parse_latency(query, &is_live, &reported_min_ns, &reported_max_ns);
    gst_query_unref(query);
    const GstClockTime own_ns = rig.latency_ns() + GST_MSECOND;
    EXPECT_TRUE(is_live);
    EXPECT_EQ(reported_min_ns, 10 * GST_MSECOND + own_ns);
    EXPECT_EQ(reported_max_ns, max_ns == GST_CLOCK_TIME_NONE ? max_ns : max_ns + own_ns);
  }
}

// 101 buffers of at most 1 ms, blocks of 10 ms: 10 pushes, and one at the end of the signal.
TEST(BlockDuration, PushesWholeBlocksAndDrainsTheRest) {
  const GstAudioInfo info = make_info(audio(1, 48000));
  const Bytes noise = make_noise(info, 4847, 1);
  Bytes out[2];
  for (const int blocks : {0, 1}) {
    ElementRig rig("tsresample", {{"block-duration", blocks ? "10000000" : "0"}});
    rig.start(audio(1, 48000), "audio/x-raw,rate=44100");
    rig.push_all(info, noise, 48);
    EXPECT_EQ(rig.stat("chunks"), blocks ? 10u : 101u);
    EXPECT_EQ(rig.stat("queued-frames"), blocks ? 47u : 0u);
    EXPECT_EQ(rig.stat("frames-in"), 4847u);
    rig.send_eos();
    EXPECT_EQ(rig.stat("chunks"), blocks ? 12u : 102u);  // the last block, then the end
    EXPECT_EQ(rig.stat("queued-frames"), 0u);
    out[blocks] = rig.take_frames();
  }
  EXPECT_EQ(out[0].size() / sizeof(float), (4847u * 147 + 159) / 160);
  EXPECT_EQ(out[0], out[1]);
}

TEST(BlockDuration, KeepsPlanesAndFormats) {
  for (const char* format : {"S16LE", "U24BE", "F64LE"}) {
    const std::string caps = std::string("audio/x-raw,layout=non-interleaved,channels=3,") +
                             "channel-mask=(bitmask)7,rate=48000,format=" + format;
    const GstAudioInfo info = make_info(caps);
    const Bytes noise = make_noise(info, 2000, 1);
    Bytes out[2];
    for (const int blocks : {0, 1}) {
      ElementRig rig("tsresample", {{"block-duration", blocks ? "3000000" : "0"}});
      rig.start(caps, "audio/x-raw,rate=44100");
      rig.push_all(info, noise, 77);
      rig.send_eos();
      out[blocks] = rig.take_frames();
    }
    EXPECT_FALSE(out[0].empty());
    EXPECT_EQ(out[0], out[1]) << format;
  }
}

TEST(BlockDuration, AFlushDropsQueuedFrames) {
  const GstAudioInfo info = make_info(audio(1, 48000));
  ElementRig rig("tsresample", {{"block-duration", "10000000"}});
  rig.start(audio(1, 48000), "audio/x-raw,rate=44100");
  rig.push_all(info, make_noise(info, 479, 1), 100);
  EXPECT_EQ(rig.stat("queued-frames"), 479u);
  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  EXPECT_EQ(rig.stat("queued-frames"), 0u);
  rig.send_segment(0, GST_CLOCK_TIME_NONE);
  rig.push_all(info, make_noise(info, 479, 1), 100);
  EXPECT_EQ(rig.stat("chunks"), 0u);
}

/// Collects the log lines about pushes.
struct PushLog {
  PushLog() {
    // The macros of these names compare functions with void pointers.
    (gst_debug_remove_log_function)(nullptr);  // removes GStreamer's default, which prints
    (gst_debug_add_log_function)(write, this, nullptr);
    gst_debug_set_threshold_for_name("tstransform", GST_LEVEL_DEBUG);
  }
  ~PushLog() {
    gst_debug_unset_threshold_for_name("tstransform");
    gst_debug_remove_log_function_by_data(this);
    (gst_debug_add_log_function)(nullptr, nullptr, nullptr);
  }

  static void write(GstDebugCategory* category, GstDebugLevel level, const gchar*, const gchar*,
                    gint, GObject*, GstDebugMessage* message, gpointer self) {
    const std::string text = gst_debug_message_get(message);
    if (level == GST_LEVEL_DEBUG && text.rfind("push: ", 0) == 0 &&
        std::string(gst_debug_category_get_name(category)) == "tstransform")
      static_cast<PushLog*>(self)->lines.push_back(text);
  }

  std::vector<std::string> lines;
};

TEST(Stats, CountPushesAndTimeThem) {
  for (const Case& c : {Case{"tsresample", {}, 1, 44100, 48000},
                        Case{"tsmodel", at("same3.script.pt"), 1, 44100, 44100}}) {
    SCOPED_TRACE(text_of(c));
    const GstAudioInfo info = make_info(audio(1, c.in_hz));
    const PushLog log;
    const std::vector<std::string>& lines = log.lines;
    ElementRig rig(c.factory, c.settings);
    start(&rig, c);
    rig.push_all(info, make_noise(info, 44100, 1), 441);
    rig.send_eos();
    EXPECT_EQ(rig.stat("chunks"), 101u);  // includes the end of the signal
    const uint64_t p50_ns = rig.stat("compute-p50-ns"), p99_ns = rig.stat("compute-p99-ns");
    EXPECT_GT(p50_ns, 0u);
    EXPECT_LE(p50_ns, p99_ns);
    EXPECT_LE(p99_ns, rig.stat("compute-max-ns"));
    double factor = 0;
    gst_structure_get_double(rig.stats().get(), "real-time-factor", &factor);
    EXPECT_GT(factor * GST_SECOND, p50_ns * 50) << "half of the pushes took longer";
    EXPECT_LT(factor, 101 * static_cast<double>(rig.stat("compute-max-ns")) / GST_SECOND + 1e-9);
    ASSERT_EQ(lines.size(), 101u);
    EXPECT_EQ(lines[50].rfind("push: 441 frames in, ", 0), 0u) << lines[50];
    EXPECT_NE(lines[50].find(c.out_hz == 48000 ? ", 480 out, " : ", 441 out, "), std::string::npos)
        << lines[50];
    EXPECT_NE(lines[100].find("ns, end of signal"), std::string::npos) << lines[100];
    gst_element_set_state(rig.element, GST_STATE_READY);
    change_state(rig.element, GST_STATE_PLAYING);
    EXPECT_EQ(rig.stat("chunks") + rig.stat("compute-max-ns"), 0u) << "after a restart";
  }
}

TEST(Stats, CountGapsAndResets) {
  const GstAudioInfo info = make_info(audio(1, 44100));
  ElementRig rig("tsmodel", at("same3.script.pt"));
  rig.start(audio(1, 44100));
  rig.push_all(info, make_noise(info, 441, 1), 441);
  BufferPtr gap = make_buffer(info, make_noise(info, 441, 1), 10 * GST_MSECOND);
  GST_BUFFER_FLAG_SET(gap.get(), GST_BUFFER_FLAG_GAP);
  rig.push(std::move(gap));
  rig.send(gst_event_new_gap(20 * GST_MSECOND, 10 * GST_MSECOND));
  EXPECT_EQ(rig.stat("gaps"), 2u);
  EXPECT_EQ(rig.stat("resets"), 1u);
  EXPECT_EQ(rig.stat("recoveries"), 0u);
}

}  // namespace
}  // namespace torchstreamer::test
