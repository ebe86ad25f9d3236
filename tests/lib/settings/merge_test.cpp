// Settings of a file and options of the user.
#include <gtest/gtest.h>

#include <cmath>

#include "lib/settings/settings_text.h"
#include "settings/parse.h"
#include "torchstreamer/error.h"

namespace torchstreamer::testing {
namespace {

const Settings& all_settings() {
  static const Settings settings = parse_settings(kAllSettings, "test.json");
  return settings;
}

TEST(SettingsMerge, FillsTheDefaultsOfTheOptions) {
  const LoadOptions options = with_settings({}, all_settings());
  EXPECT_EQ(options.layout, Layout::kTimeChannels);
  EXPECT_EQ(options.output, "speech");
  EXPECT_EQ(options.output_names, (std::vector<std::string>{"music", "speech"}));
  EXPECT_EQ(options.call.method, "detect");
  EXPECT_EQ(options.call.window_frames, 512);
  EXPECT_EQ(options.call.hop_frames, 160);
  EXPECT_EQ(options.call.tail, Tail::kShort);
  EXPECT_EQ(options.call.inputs.size(), 6u);
  EXPECT_EQ(options.call.inputs.at("gain"), NamedValue(int64_t{-3}));
  EXPECT_EQ(options.call.attributes, (NamedValues{{"size", int64_t{3}}}));
}

TEST(SettingsMerge, KeepsTheValuesOfTheUser) {
  LoadOptions user;
  user.layout = Layout::kTime;
  user.output = "music";
  user.device = "cuda";
  user.call = {"detect",   {{"gain", 7.5}, {"more", true}}, {{"size", int64_t{9}}}, 256, 64,
               Tail::kDrop};
  const LoadOptions options = with_settings(user, all_settings());
  EXPECT_EQ(options.layout, Layout::kTime);
  EXPECT_EQ(options.output, "music");
  EXPECT_EQ(options.device, "cuda");
  EXPECT_EQ(options.call.window_frames, 256);
  EXPECT_EQ(options.call.hop_frames, 64);
  EXPECT_EQ(options.call.tail, Tail::kDrop);
  EXPECT_EQ(options.call.inputs.at("gain"), NamedValue(7.5));
  EXPECT_EQ(options.call.inputs.at("more"), NamedValue(true));
  EXPECT_EQ(options.call.inputs.at("bands"), NamedValue(int64_t{40}));
  EXPECT_EQ(options.call.attributes.at("size"), NamedValue(int64_t{9}));
}

TEST(SettingsMerge, WithoutSettingsChangesNothing) {
  LoadOptions user;
  user.output = "speech";
  user.call.hop_frames = 3;
  const LoadOptions options = with_settings(user, {});
  EXPECT_EQ(options.output, "speech");
  EXPECT_EQ(options.call.hop_frames, 3);
  EXPECT_EQ(options.call.method, "");
  EXPECT_TRUE(options.call.inputs.empty());
}

// The hop of the file belongs to its window.
TEST(SettingsMerge, TheHopOfTheFileNeedsItsWindow) {
  LoadOptions user;
  user.call.window_frames = 100;
  EXPECT_EQ(with_settings(user, all_settings()).call.hop_frames, 0);
  user.call = {};
  user.call.hop_frames = 32;
  const CallOptions call = with_settings(user, all_settings()).call;
  EXPECT_EQ(call.window_frames, 512);
  EXPECT_EQ(call.hop_frames, 32);
}

TEST(SettingsMerge, OfADifferentMethodAreNotUsed) {
  LoadOptions user;
  user.call.method = "encode";
  const LoadOptions options = with_settings(user, all_settings());
  EXPECT_EQ(options.call.method, "encode");
  EXPECT_EQ(options.layout, Layout::kAuto);
  EXPECT_EQ(options.output, "");
  EXPECT_TRUE(options.output_names.empty());
  EXPECT_EQ(options.call.window_frames, 0);
  EXPECT_EQ(options.call.tail, Tail::kAuto);
  EXPECT_TRUE(options.call.inputs.empty());
  EXPECT_EQ(options.call.attributes.size(), 1u);

  Settings of_forward = all_settings();
  of_forward.method.clear();
  user.call.method = "forward";
  EXPECT_EQ(with_settings(user, of_forward).call.window_frames, 512);
}

TEST(SettingsMerge, ValuesOutsideTheirRangeAreOptionErrors) {
  const auto error_of = [](const NamedValues& inputs, const NamedValues& attributes) {
    LoadOptions user;
    user.call.inputs = inputs;
    user.call.attributes = attributes;
    try {
      with_settings(user, all_settings());
    } catch (const OptionError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(error_of({{"gain", int64_t{20}}}, {{"depth", int64_t{1}}}), "");
  EXPECT_EQ(error_of({{"gain", std::vector<double>{-60, 20.5}}}, {}), "");
  EXPECT_EQ(error_of({{"gain", int64_t{21}}}, {}),
            "input 'gain' is 21; the settings of the file accept -60 to 20.5");
  EXPECT_EQ(error_of({{"gain", std::vector<double>{0, -61}}}, {}),
            "input 'gain' is [0, -61]; the settings of the file accept -60 to 20.5");
  EXPECT_EQ(error_of({{"gain", std::string("loud")}}, {}),
            "input 'gain' is 'loud'; the settings of the file accept -60 to 20.5");
  EXPECT_EQ(error_of({}, {{"depth", 0.5}}),
            "attribute 'depth' is 0.5; the settings of the file accept 1 or more");
  EXPECT_NE(error_of({{"gain", std::nan("")}}, {}), "");
}

}  // namespace
}  // namespace torchstreamer::testing
