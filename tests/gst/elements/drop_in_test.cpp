// tsresample as a replacement of audioresample: queries, caps and launch lines give the same
// results except for the samples.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "gst/support/player.h"

namespace torchstreamer::test {
namespace {

const char* const kElements[] = {"audioresample", "tsresample"};

CapsPtr query_caps(ElementRig* rig, const char* pad_name, const std::string& filter) {
  GstPad* pad = gst_element_get_static_pad(rig->element, pad_name);
  const CapsPtr filter_caps = filter.empty() ? nullptr : make_caps(filter);
  CapsPtr caps(gst_pad_query_caps(pad, filter_caps.get()));
  gst_object_unref(pad);
  return caps;
}

const char* const kCaps[] = {
    "ANY",
    "audio/x-raw",
    "audio/x-raw,rate=16000",
    "audio/x-raw,rate=16000,channels=2,format=S16LE",
    "audio/x-raw,rate={8000,48000}",
    "audio/x-raw,rate=[8000,48000]",
    "audio/x-raw,rate=[8000,48000,100],channels=[1,4]",
    "audio/x-raw,rate=8000;audio/x-raw,rate=9000",
    "audio/x-raw,rate=[1,8000];audio/x-raw,rate=44100,format=F32LE",
    "audio/x-raw,rate=44100,format={S16LE,F32LE};audio/x-raw,rate=[1,96000],channels=6",
    "audio/x-raw,layout=non-interleaved,rate=44100,channels=2,channel-mask=(bitmask)3",
    "audio/x-raw,rate={[8000,16000],44100}",
    "audio/x-raw,format=S8,rate=1",
    "audio/x-raw,rate=2147483647",
    "audio/x-raw(ANY),rate=48000",
    "audio/x-raw(memory:Other),rate=48000",
    "audio/x-alaw,rate=8000",
    "video/x-raw"};

/// Answers caps queries like an upstream element that supports `caps`.
GstPadProbeReturn answer_caps(GstPad*, GstPadProbeInfo* info, gpointer caps) {
  GstQuery* query = GST_PAD_PROBE_INFO_QUERY(info);
  if (GST_QUERY_TYPE(query) != GST_QUERY_CAPS) return GST_PAD_PROBE_OK;
  GstCaps* filter;
  gst_query_parse_caps(query, &filter);
  const CapsPtr answer(filter ? gst_caps_intersect(filter, GST_CAPS(caps))
                              : gst_caps_ref(GST_CAPS(caps)));
  gst_query_set_caps_result(query, answer.get());
  return GST_PAD_PROBE_HANDLED;
}

/// Caps of the sink pad if downstream supports `downstream`.
std::string sink_caps(const char* element, const char* downstream, const std::string& filter) {
  ElementRig rig(element);
  gst_harness_set_sink_caps_str(rig.harness, downstream);
  return text_of(query_caps(&rig, "sink", filter));
}

/// Caps of the source pad if upstream supports `upstream`.
std::string src_caps(const char* element, const char* upstream, const std::string& filter) {
  const CapsPtr caps = make_caps(upstream);
  ElementRig rig(element);
  gst_pad_add_probe(rig.harness->srcpad, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM, answer_caps, caps.get(),
                    nullptr);
  return text_of(query_caps(&rig, "src", filter));
}

// The source pad of audioresample always answers with its template; that of tsresample asks
// upstream.
TEST(DropIn, CapsQueriesGetTheSameAnswers) {
  for (const char* caps : kCaps)
    for (const char* filter : {"", "audio/x-raw,rate=44100", "audio/x-raw,channels=2,rate=[1,9000]",
                               "audio/x-raw,format=S16LE;audio/x-raw,format=F32LE"}) {
      SCOPED_TRACE(std::string(caps) + " with " + filter);
      EXPECT_EQ(sink_caps("tsresample", caps, filter), sink_caps("audioresample", caps, filter));
      const CapsPtr ours = make_caps(src_caps("tsresample", caps, filter));
      EXPECT_TRUE(
          gst_caps_is_subset(ours.get(), make_caps(src_caps("audioresample", caps, filter)).get()));
      EXPECT_TRUE(
          gst_caps_is_equal(ours.get(), make_caps(sink_caps("tsresample", caps, filter)).get()));
    }
}

// The input caps are fixed, the output caps are fixated. Ranges with a step are not tested:
// audioresample fixates to values between the steps.
TEST(DropIn, FixatesToTheSameCaps) {
  const char* const inputs[] = {
      "audio/x-raw,format=S16LE,layout=interleaved,channels=1,rate=11025",
      "audio/x-raw,format=F64LE,layout=interleaved,channels=2,channel-mask=(bitmask)3,rate=48000",
      ("audio/x-raw,format=S24BE,layout=non-interleaved,channels=6,channel-mask=(bitmask)0x3f,"
       "rate=44100")};
  for (const char* input : inputs)
    for (const char* downstream :
         {"audio/x-raw", "audio/x-raw,rate=[16000,48000]", "audio/x-raw,rate=[1,8000]",
          "audio/x-raw,rate={8000,12000,96000}", "audio/x-raw,rate=8000;audio/x-raw,rate=[1,96000]",
          "audio/x-raw,rate={[8000,10000],96000}", "audio/x-raw,channels=3",
          "audio/x-raw,format=U8"}) {
      std::string results[2];
      for (const int i : {0, 1}) {
        ElementRig rig(kElements[i]);
        rig.start(input, downstream);
        GstPad* pad = gst_element_get_static_pad(rig.element, "src");
        const CapsPtr caps(gst_pad_get_current_caps(pad));
        gst_object_unref(pad);
        results[i] = caps ? text_of(caps) : "none";
      }
      EXPECT_EQ(results[1], results[0]) << input << " before " << downstream;
    }
}

TEST(DropIn, AcceptsTheSameCaps) {
  for (const char* caps : kCaps) {
    const CapsPtr requested = make_caps(caps);
    if (!gst_caps_is_fixed(requested.get())) continue;
    gboolean accepted[2];
    for (const int i : {0, 1}) {
      ElementRig rig(kElements[i]);
      gst_harness_set_sink_caps_str(rig.harness, "audio/x-raw,rate={16000,48000}");
      GstPad* pad = gst_element_get_static_pad(rig.element, "sink");
      accepted[i] = gst_pad_query_accept_caps(pad, requested.get());
      gst_object_unref(pad);
    }
    EXPECT_EQ(accepted[1], accepted[0]) << caps;
  }
}

struct FreeProperties {
  void operator()(GParamSpec** specs) const { g_free(specs); }
};

TEST(DropIn, HasTheProperties) {
  ElementRig stock("audioresample"), ours("tsresample");
  guint count = 0;
  const std::unique_ptr<GParamSpec*, FreeProperties> specs(
      g_object_class_list_properties(G_OBJECT_GET_CLASS(stock.element), &count));
  ASSERT_GT(count, 5u);
  for (guint i = 0; i < count; ++i) {
    GParamSpec* theirs = specs.get()[i];
    SCOPED_TRACE(theirs->name);
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(ours.element), theirs->name);
    ASSERT_NE(spec, nullptr);
    EXPECT_EQ(spec->value_type, theirs->value_type);
    EXPECT_EQ(g_param_values_cmp(spec, g_param_spec_get_default_value(spec),
                                 g_param_spec_get_default_value(theirs)),
              0);
  }
}

struct Line {
  const char* start;  // produces one second of audio
  const char* end;
  int64_t frames;
};

constexpr Line kLines[] = {
    {"audiotestsrc num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100 ! ",
     " ! audio/x-raw,rate=48000 ! fakesink name=end", 48000},
    {"audiotestsrc num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100 ! ",
     " ! audioconvert ! audio/x-raw,rate=16000,channels=2,format=S16LE ! fakesink name=end", 16000},
    {"audiotestsrc num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100,channels=2 ! "
     "queue ! audioconvert ! ",
     " ! queue ! audio/x-raw,rate=8000,format=F64LE,layout=non-interleaved ! fakesink name=end",
     8000},
    {"audiotestsrc num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100 ! tee ! queue ! ",
     " ! audiorate ! audio/x-raw,rate=96000 ! fakesink name=end", 96000},
    {"audiotestsrc num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100 ! ",
     " ! fakesink name=end", 44100},
    {"audiotestsrc is-live=true num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100 ! ",
     " ! audio/x-raw,rate=48000 ! fakesink sync=true name=end", 48000},
    {"audiotestsrc is-live=true num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100 ! "
     "queue ! audioconvert ! ",
     " ! audio/x-raw,rate=[1,22050] ! queue ! fakesink sync=true name=end", 22050}};

TEST(DropIn, LaunchLinesWork) {
  for (const Line& line : kLines) {
    SCOPED_TRACE(line.end);
    expect_alike([&](const std::string& element) { return play(line.start + element + line.end); },
                 line.frames);
  }
}

TEST(DropIn, LaunchLinesWithPropertiesWork) {
  const Line& line = kLines[0];
  for (const char* properties :
       {" quality=0", " quality=10", " resample-method=nearest",
        " resample-method=linear quality=8", " resample-method=blackman-nuttall quality=2 qos=true",
        " sinc-filter-mode=full sinc-filter-auto-threshold=0 sinc-filter-interpolation=linear"}) {
    SCOPED_TRACE(properties);
    expect_alike(
        [&](const std::string& element) {
          return play(line.start + element + properties + line.end);
        },
        line.frames);
  }
}

}  // namespace
}  // namespace torchstreamer::test
