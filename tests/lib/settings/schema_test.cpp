// The schema, the page and the parser name the same keys and accept the same values.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "documents/markdown.h"
#include "settings/parse.h"
#include "temporary_folder.h"
#include "torchstreamer/error.h"

namespace torchstreamer::testing {
namespace {

using Json = nlohmann::json;
using Names = std::set<std::string>;

std::filesystem::path source(const std::string& path) {
  const char* folder = std::getenv("TORCHSTREAMER_SOURCE");
  if (!folder) throw std::runtime_error("TORCHSTREAMER_SOURCE is not set to the repository");
  return std::filesystem::path(folder) / path;
}

const Json& schema() {
  static const Json schema =
      Json::parse(test::read_text(source("lib/settings/torchstreamer.schema.json")));
  return schema;
}

Names set_of(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

Names keys_of(const Json& object) {
  Names keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

TEST(SettingsSchema, HasTheKeysOfTheParserAndOfThePage) {
  const test::Page page(source("lib/settings/README.md"));
  const Names keys = set_of(settings_keys());
  EXPECT_EQ(keys_of(schema()["properties"]), keys);
  EXPECT_EQ(set_of(page.names("Keys")), keys);
  const Names value_keys = set_of(value_settings_keys());
  const Json& value = schema()["$defs"]["values"]["additionalProperties"]["anyOf"][1];
  EXPECT_EQ(keys_of(value["properties"]), value_keys);
  EXPECT_EQ(set_of(page.names("Keys of a value")), value_keys);
}

bool is_type(const Json& value, const std::string& type) {
  if (type == "integer")
    return value.is_number() && std::trunc(value.get<double>()) == value.get<double>();
  if (type == "number") return value.is_number();
  return value.type_name() == type;
}

/// Validates with the keywords that the schema uses. Other keywords are an error.
class Validator {
 public:
  bool accepts(const Json& schema, const Json& value) const {
    for (const auto& [keyword, rule] : schema.items())
      if (!accepts(keyword, rule, schema, value)) return false;
    return true;
  }

 private:
  bool accepts(const std::string& keyword, const Json& rule, const Json& all,
               const Json& value) const {
    if (keyword == "$schema" || keyword == "$defs" || keyword == "title" ||
        keyword == "description")
      return true;
    if (keyword == "$ref")
      return accepts(schema().at(Json::json_pointer(rule.get<std::string>().substr(1))), value);
    if (keyword == "anyOf")
      return std::any_of(rule.begin(), rule.end(),
                         [&](const Json& s) { return accepts(s, value); });
    if (keyword == "enum") return std::find(rule.begin(), rule.end(), value) != rule.end();
    if (keyword == "type") {
      const auto matches = [&](const Json& type) { return is_type(value, type); };
      return rule.is_array() ? std::any_of(rule.begin(), rule.end(), matches) : matches(rule);
    }
    if (keyword == "minimum") return !value.is_number() || value >= rule;
    if (keyword == "maximum") return !value.is_number() || value <= rule;
    if (keyword == "minLength") return !value.is_string() || value != "";
    if (keyword == "pattern")
      return !value.is_string() ||
             std::regex_search(value.get<std::string>(), std::regex(rule.get<std::string>()));
    if (keyword == "minItems") return !value.is_array() || value.size() >= rule;
    if (keyword == "uniqueItems")
      return !value.is_array() || std::set<Json>(value.begin(), value.end()).size() == value.size();
    if (keyword == "items")
      return !value.is_array() || std::all_of(value.begin(), value.end(), [&](const Json& item) {
        return accepts(rule, item);
      });
    if (keyword == "dependentRequired") return !value.contains("hop") || value.contains("window");
    return accepts_object(keyword, rule, all, value);
  }

  bool accepts_object(const std::string& keyword, const Json& rule, const Json& all,
                      const Json& value) const {
    if (keyword != "properties" && keyword != "additionalProperties")
      throw std::logic_error("unknown keyword " + keyword);
    if (!value.is_object()) return true;
    for (const auto& [key, inner] : value.items()) {
      const bool is_named = all.contains("properties") && all["properties"].contains(key);
      if (keyword == "properties" && is_named && !accepts(rule[key], inner)) return false;
      if (keyword == "additionalProperties" && !is_named && !accepts(rule, inner)) return false;
    }
    return true;
  }
};

// Values of all types, and the accepted values of all keys.
const char* const kValues[] = {"null",
                               "true",
                               "false",
                               "0",
                               "1",
                               "-1",
                               "2",
                               "16000",
                               "16000.0",
                               "1.5",
                               "-1e300",
                               "1e300",
                               "67108864",
                               "67108865",
                               "2147483647",
                               "2147483648",
                               "9223372036854775807",
                               "18446744073709551615",
                               "\"\"",
                               "\"x\"",
                               "\"0\"",
                               "\"12\"",
                               "\"1a\"",
                               "\"bct\"",
                               "\"tc\"",
                               "\"auto\"",
                               "\"pad\"",
                               "\"short\"",
                               "[]",
                               "[1]",
                               "[1, 2.5]",
                               "[1, \"a\"]",
                               "[true]",
                               "[\"a\"]",
                               "[\"a\", \"b\"]",
                               "[\"a\", \"a\"]",
                               "[\"1\"]",
                               "[\"\"]",
                               "{}",
                               "{\"g\": 1}",
                               "{\"g\": null}",
                               "{\"g\": [1, 2.5]}",
                               "{\"g\": [\"a\"]}",
                               "{\"g\": \"\"}",
                               "{\"g\": 18446744073709551615}",
                               "{\"g\": {}}",
                               "{\"g\": {\"default\": true}}",
                               "{\"g\": {\"default\": [1]}}",
                               "{\"g\": {\"default\": {}}}",
                               "{\"g\": {\"default\": null}}",
                               "{\"g\": {\"min\": 1}}",
                               "{\"g\": {\"min\": \"1\"}}",
                               "{\"g\": {\"max\": 1.5}}",
                               "{\"g\": {\"max\": null}}",
                               "{\"g\": {\"description\": \"d\"}}",
                               "{\"g\": {\"description\": 1}}",
                               "{\"g\": {\"other\": null}}"};

bool parser_accepts(const Json& settings) {
  try {
    parse_settings(settings.dump(), "test.json");
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(SettingsSchema, AcceptsTheValuesOfTheParser) {
  int accepted = 0, rejected = 0;
  std::vector<std::string> keys = settings_keys();
  keys.push_back("unknown");
  for (const std::string& key : keys)
    for (const char* value : kValues) {
      Json settings = {{key, Json::parse(value)}};
      if (key == "hop") settings["window"] = 67108864;
      const bool is_accepted = Validator().accepts(schema(), settings);
      EXPECT_EQ(is_accepted, parser_accepts(settings)) << settings;
      (is_accepted ? accepted : rejected)++;
    }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(rejected, 300);
  EXPECT_FALSE(Validator().accepts(schema(), {{"hop", 1}}));
}

}  // namespace
}  // namespace torchstreamer::testing
