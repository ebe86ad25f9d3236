// tsresample: caps, compared with the caps of audioresample.
#include <gtest/gtest.h>

#include "gst/resample/resample_cases.h"

namespace torchstreamer::test {
namespace {

CapsPtr template_caps(const char* factory_name, const char* pad) {
  GstElement* element = gst_element_factory_make(factory_name, nullptr);
  GstPadTemplate* found = gst_element_get_pad_template(element, pad);
  CapsPtr caps(gst_pad_template_get_caps(found));
  gst_object_unref(element);
  return caps;
}

TEST(TsResample, HasTheCapsOfAudioresample) {
  for (const char* pad : {"sink", "src"})
    EXPECT_TRUE(gst_caps_is_strictly_equal(template_caps("tsresample", pad).get(),
                                           template_caps("audioresample", pad).get()));
}

CapsPtr query_sink(ElementRig* rig) {
  GstPad* pad = gst_element_get_static_pad(rig->element, "sink");
  CapsPtr caps(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  return caps;
}

TEST(TsResample, OffersUpstreamTheSameCapsAsAudioresample) {
  for (const char* downstream : {"audio/x-raw,rate=16000,channels=2,format=S16LE",
                                 "audio/x-raw,rate={8000,48000}", "audio/x-raw,rate=[8000,48000]",
                                 "audio/x-raw", "audio/x-raw,rate=8000;audio/x-raw,rate=9000"}) {
    CapsPtr caps[2];
    for (int i : {0, 1}) {
      ElementRig rig(i ? "audioresample" : "tsresample");
      gst_harness_set_sink_caps_str(rig.harness, downstream);
      caps[i] = query_sink(&rig);
    }
    EXPECT_TRUE(gst_caps_is_strictly_equal(caps[0].get(), caps[1].get())) << downstream;
  }
}

TEST(TsResample, FixatesToTheNearestRate) {
  for (auto [downstream, rate_hz] : {std::pair("audio/x-raw", 11025),
                                     {"audio/x-raw,rate=[16000,48000]", 16000},
                                     {"audio/x-raw,rate=[2,8000]", 8000},
                                     {"audio/x-raw,rate={8000,12000,48000}", 12000},
                                     {"audio/x-raw,rate=[2,48000,2]", 11026},
                                     {"audio/x-raw,rate=[100,400,100]", 400}}) {
    ElementRig rig("tsresample");
    rig.start(mono(11025), downstream);
    const GstAudioInfo out = rig.out_info();
    EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), rate_hz) << downstream;
  }
}

}  // namespace
}  // namespace torchstreamer::test
