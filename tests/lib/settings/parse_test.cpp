// The parser of settings: every key, wrong values, unknown keys, random text.
#include "settings/parse.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "expect_says.h"
#include "lib/settings/settings_text.h"
#include "lib/support/error_of.h"
#include "lib/support/streaming.h"
#include "torchstreamer/error.h"

namespace torchstreamer::testing {
namespace {

std::string parsing_error(const std::string& json) {
  return error_of([&] { parse_settings(json, "test.json"); });
}

TEST(SettingsParser, ReadsEveryKey) {
  const Settings settings = parse_settings(kAllSettings, "test.json");
  EXPECT_EQ(settings.sample_rate_hz, 16000);
  EXPECT_EQ(settings.layout, Layout::kTimeChannels);
  EXPECT_EQ(settings.window_frames, 512);
  EXPECT_EQ(settings.hop_frames, 160);
  EXPECT_EQ(settings.tail, Tail::kShort);
  EXPECT_EQ(settings.method, "detect");
  EXPECT_EQ(settings.output, "speech");
  EXPECT_EQ(settings.output_names, (std::vector<std::string>{"music", "speech"}));
  EXPECT_EQ(settings.channel_mask, 3u);
  EXPECT_EQ(settings.name, "Detector");
  EXPECT_EQ(settings.license, "MIT");
  EXPECT_EQ(settings.description, "Finds speech");
  EXPECT_EQ(settings.json, kAllSettings);
  EXPECT_TRUE(settings.warnings.empty());

  ASSERT_EQ(settings.inputs.size(), 6u);
  EXPECT_EQ(settings.inputs.at("bands").initial, NamedValue(int64_t{40}));
  EXPECT_EQ(settings.inputs.at("threshold").initial, NamedValue(0.5));
  EXPECT_EQ(settings.inputs.at("mode").initial, NamedValue(std::string("fast")));
  EXPECT_EQ(settings.inputs.at("is_quiet").initial, NamedValue(true));
  EXPECT_EQ(settings.inputs.at("weights").initial, NamedValue(std::vector<double>{1, 0.5}));
  const ValueSettings gain = settings.inputs.at("gain");
  EXPECT_EQ(gain.initial, NamedValue(int64_t{-3}));
  EXPECT_EQ(gain.min, -60);
  EXPECT_EQ(gain.max, 20.5);
  EXPECT_EQ(gain.description, "Gain in dB");
  EXPECT_FALSE(settings.attributes.at("depth").initial);
  EXPECT_EQ(settings.attributes.at("depth").min, 1);
}

TEST(SettingsParser, TestCoversAllKeys) {
  std::set<std::string> keys, expected;
  const auto all = nlohmann::json::parse(kAllSettings);
  for (const auto& [key, value] : all.items()) keys.insert(key);
  for (const std::string& key : settings_keys())
    if (key != "licence") expected.insert(key);
  EXPECT_EQ(keys, expected);
}

TEST(SettingsParser, AcceptsBothSpellings) {
  EXPECT_EQ(parse_settings(R"({"licence": "GPL"})", "").license, "GPL");
}

TEST(SettingsParser, AcceptsIntegersWithAPoint) {
  EXPECT_EQ(parse_settings(R"({"sample_rate": 48000.0})", "").sample_rate_hz, 48000);
}

struct WrongValue {
  const char *json, *key, *accepted;
};

const WrongValue kWrongValues[] = {
    {R"({"sample_rate": "16k"})", R"("sample_rate" is "16k")", "integer from 1"},
    {R"({"sample_rate": 0})", R"("sample_rate" is 0)", "integer from 1"},
    {R"({"sample_rate": 2147483648})", "is 2147483648", "to 2147483647"},
    {R"({"sample_rate": 44100.5})", "is 44100.5", "integer from 1"},
    {R"({"sample_rate": 18446744073709551615})", "551615", "integer from 1"},
    {R"({"sample_rate": 1e300})", "is 1e+300", "integer from 1"},
    {R"({"sample_rate": true})", "is true", "integer from 1"},
    {R"({"layout": "nct"})", R"("layout" is "nct")", "bct, ct, t, btc, tbc, tc"},
    {R"({"layout": 3})", R"("layout" is 3)", "bct, ct, t, btc, tbc, tc"},
    {R"({"window": -512})", R"("window" is -512)", "integer from 1"},
    {R"({"window": null})", R"("window" is null)", "integer from 1"},
    {R"({"window": 4, "hop": 0})", R"("hop" is 0)", "integer from 1"},
    {R"({"window": 4, "hop": 5})", R"("hop" is 5)", R"(the value of the key "window")"},
    {R"({"hop": 5})", R"("hop" is 5)", R"(the value of the key "window")"},
    {R"({"tail": "cut"})", R"("tail" is "cut")", "pad, drop, short"},
    {R"({"method": ""})", R"("method" is "")", "a string that is not empty"},
    {R"({"method": ["a"]})", R"("method" is ["a"])", "a string that is not empty"},
    {R"({"inputs": [1]})", R"("inputs" is [1])", "an object"},
    {R"({"inputs": {"g": null}})", R"("inputs.g" is null)", "a number, a string"},
    {R"({"inputs": {"g": ["a"]}})", R"("inputs.g" is ["a"])", "array of numbers"},
    {R"({"inputs": {"g": {"min": "a"}}})", R"("inputs.g.min" is "a")", "a number"},
    {R"({"inputs": {"g": {"min": 2, "max": 1}}})", R"("inputs.g")", "at most the max"},
    {R"({"inputs": {"g": {"default": 7, "max": 1}}})", R"("inputs.g")", "min to max"},
    {R"({"inputs": {"g": {"default": [0, 7], "max": 1}}})", R"("inputs.g")", "to max"},
    {R"({"inputs": {"g": {"default": "a", "max": 1}}})", R"("inputs.g")", "a number"},
    {R"({"attributes": {"g": {"description": 1}}})", R"("attributes.g.description" is 1)",
     "a string"},
    {R"({"output": -1})", R"("output" is -1)", "integer from 0"},
    {R"({"output": {}})", R"("output" is {})", "the index or the name"},
    {R"({"output_names": "a"})", R"("output_names" is "a")", "different strings"},
    {R"({"output_names": []})", R"("output_names" is [])", "different strings"},
    {R"({"output_names": ["a", "a"]})", R"("output_names")", "different strings"},
    {R"({"output_names": ["1"]})", R"("output_names")", "not numbers"},
    {R"({"channel_mask": -1})", R"("channel_mask" is -1)", "integer from 1"},
    {R"({"name": 1})", R"("name" is 1)", "a string"},
    {R"([1])", "it is [1]", "an object"},
    {R"({"name": "a", "name": "b"})", R"(key "name")", "given twice"},
    {R"({"name": })", "it is not valid JSON", "line 1, column 10"},
    {"{\n  \"name\": \"a\",\n}", "it is not valid JSON", "line 3, column 1"},
    {"", "it is not valid JSON", "line 1, column 1"},
    {R"({"inputs": {"g": 1e999}})", "a number", "too large"}};

// Each error names the file, the key, the value that was found and the accepted ones.
TEST(SettingsParser, WrongValuesAreErrors) {
  for (const auto& [json, key, accepted] : kWrongValues) {
    const std::string error = parsing_error(json);
    SCOPED_TRACE(std::string(json) + ": " + error);
    EXPECT_EQ(error.rfind("test.json: ", 0), 0u);
    EXPECT_SAYS(key, error);
    EXPECT_SAYS(accepted, error);
  }
}

TEST(SettingsParser, DeepNestingIsAnError) {
  const std::string open(100000, '['), close(100000, ']');
  EXPECT_SAYS("nested too deeply", parsing_error("{\"x\": " + open + close + "}"));
}

// Texts of errors become messages of GStreamer, which must be short and UTF-8.
TEST(SettingsParser, ErrorsAreShortLinesOfAscii) {
  for (const std::string& json :
       {R"({"method": [")" + std::string(100000, 'x') + "\"]}", std::string(R"({"tail": "é\n"})"),
        std::string("{\"\xff\": 1}"), "{\"" + std::string(100000, 'k') + "\": {}, \"tail\": 1}"}) {
    const std::string error = parsing_error(json);
    EXPECT_FALSE(error.empty());
    EXPECT_LT(error.size(), 250u);
    EXPECT_TRUE(std::all_of(error.begin(), error.end(), [](char c) { return c >= ' '; })) << error;
  }
}

TEST(SettingsParser, UnknownKeysAreRemarks) {
  const Settings settings = parse_settings(
      R"({"windows": 3, "name": "a", "inputs": {"g": {"default": 1, "step": 2}}})", "test.json");
  ASSERT_EQ(settings.warnings.size(), 2u);
  EXPECT_SAYS(R"("windows")", settings.warnings[0]);
  EXPECT_SAYS(R"("inputs.g.step")", settings.warnings[1]);
  EXPECT_EQ(settings.name, "a");
}

TEST(SettingsParser, LimitsTheRemarks) {
  std::string json = "{\"x\": 0";
  for (int key = 0; key < 5000; ++key) json += ", \"k" + std::to_string(key) + "\": 0";
  EXPECT_EQ(parse_settings(json + "}", "test.json").warnings.size(), 16u);
}

// Exceptions other than Error fail the test.
bool is_accepted(const std::string& json) {
  try {
    with_settings({}, parse_settings(json, "random"));
    return true;
  } catch (const Error& error) {
    EXPECT_GT(std::string(error.what()).size(), 10u);
    return false;
  }
}

TEST(SettingsParser, RandomChangesOfATextAreAcceptedOrErrors) {
  int accepted = 0, rejected = 0;
  for (unsigned round = 0; round < 5000; ++round) {
    const unsigned seed = base_seed() + round;
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string json = kAllSettings;
    for (int64_t i = random.between(1, 6); i > 0; --i) {
      const auto at = static_cast<size_t>(random.between(0, static_cast<int64_t>(json.size()) - 1));
      const auto count = static_cast<size_t>(random.between(0, 3));
      const char byte = random.flip() ? random.pick({'"', '{', '}', '[', ',', ':', '9', '-', 'e'})
                                      : static_cast<char>(random.between(-128, 127));
      json.replace(at, count, 1, byte);
    }
    (is_accepted(json) ? accepted : rejected)++;
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(rejected, 100);
}

}  // namespace
}  // namespace torchstreamer::testing
