// tsresample in bins that create elements themselves. Such bins keep some objects alive, so the
// tests compare the number of live objects with that of audioresample.
#include <gtest/gtest.h>

#include "gst/support/live_objects.h"
#include "gst/support/player.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

class Bins : public testing::Test {
 protected:
  Bins() {
    const std::string line =
        "audiotestsrc num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100,channels=2 ! "
        "wavenc ! filesink name=end location=" +
        path_;
    EXPECT_TRUE(play(line).is_eos);
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "second.wav";
};

using Play = std::function<Reached(const std::string& element)>;

/// Fails if tsresample leaves more live objects than audioresample. The first run of a bin creates
/// objects that the bin keeps for all later runs.
void expect_no_more_live_objects(const Play& play_with) {
  play_with("audioresample");
  auto before = count_live_objects();
  play_with("audioresample");
  auto between = count_live_objects();
  play_with("tsresample");
  for (const auto& [object, count] : count_live_objects())
    EXPECT_LE(count - between[object], between[object] - before[object]) << object;
}

void expect_good(const Play& play_with, int64_t exact_frames) {
  expect_alike(play_with, exact_frames);
  expect_no_more_live_objects(play_with);
}

TEST_F(Bins, TsresampleWorksAfterDecoders) {
  for (const char* decoder : {"decodebin", "decodebin3"}) {
    SCOPED_TRACE(decoder);
    expect_good(
        [&](const std::string& element) {
          return play("filesrc location=" + path_ + " ! " + decoder + " ! audioconvert ! " +
                      element + " ! audio/x-raw,rate=16000 ! fakesink name=end");
        },
        16000);
  }
}

TEST_F(Bins, TsresampleWorksAsFilterOfPlaybin) {
  for (const char* player : {"playbin", "playbin3"}) {
    SCOPED_TRACE(player);
    expect_good(
        [&](const std::string& element) {
          GstElement* playbin = gst_element_factory_make(player, nullptr);
          GstElement* sink = gst_element_factory_make("fakesink", nullptr);
          gchar* uri = gst_filename_to_uri(path_.c_str(), nullptr);
          GstElement* filter = gst_parse_bin_from_description(
              ("audioconvert ! " + element + " ! capsfilter caps=audio/x-raw,rate=32000").c_str(),
              TRUE, nullptr);
          g_object_set(playbin, "uri", uri, "audio-sink", sink, "audio-filter", filter, nullptr);
          g_free(uri);
          const Reached reached = play(playbin, sink);
          gst_object_unref(playbin);
          return reached;
        },
        32000);
  }
}

}  // namespace
}  // namespace torchstreamer::test
