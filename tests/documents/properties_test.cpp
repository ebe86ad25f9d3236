// Compares the tables of properties and statistics in gst/README.md with the elements. If a
// property has changed, the failure prints the new table.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <sstream>

#include "markdown.h"

namespace torchstreamer::test {
namespace {

/// Type, default and range of a property, as in the table.
struct Value {
  std::string type, initial, range;
};

template <class Number>
std::string printed(Number number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

template <class Number>
Value number_of(const char* type, Number initial, Number least, Number most, bool is_bounded) {
  return {type, printed(initial),
          is_bounded ? printed(least) + " to " + printed(most) : printed(least) + " or more"};
}

Value enum_value(const GParamSpecEnum* spec) {
  std::string names;
  for (guint i = 0; i < spec->enum_class->n_values; ++i)
    names += (i ? ", " : "") + std::string(spec->enum_class->values[i].value_nick);
  const GEnumValue* initial = g_enum_get_value(spec->enum_class, spec->default_value);
  return {"enum", initial->value_nick, names};
}

Value value_of(GParamSpec* spec) {
  if (G_IS_PARAM_SPEC_ENUM(spec)) return enum_value(G_PARAM_SPEC_ENUM(spec));
  if (G_IS_PARAM_SPEC_STRING(spec)) {
    const char* text = G_PARAM_SPEC_STRING(spec)->default_value;
    return {"string", text ? text : "none", ""};
  }
  if (G_IS_PARAM_SPEC_BOOLEAN(spec))
    return {"boolean", G_PARAM_SPEC_BOOLEAN(spec)->default_value ? "true" : "false", ""};
  if (G_IS_PARAM_SPEC_INT(spec)) {
    const auto* s = G_PARAM_SPEC_INT(spec);
    return number_of("int", s->default_value, s->minimum, s->maximum, s->maximum < G_MAXINT);
  }
  if (G_IS_PARAM_SPEC_UINT(spec)) {
    const auto* s = G_PARAM_SPEC_UINT(spec);
    return number_of("uint", s->default_value, s->minimum, s->maximum, s->maximum < G_MAXUINT);
  }
  if (G_IS_PARAM_SPEC_UINT64(spec)) {
    const auto* s = G_PARAM_SPEC_UINT64(spec);
    Value value =
        number_of("uint64", s->default_value, s->minimum, s->maximum, s->maximum < G_MAXINT64);
    if (s->default_value == GST_CLOCK_TIME_NONE) value.initial = "none";
    return value;
  }
  if (G_IS_PARAM_SPEC_DOUBLE(spec)) {
    const auto* s = G_PARAM_SPEC_DOUBLE(spec);
    return number_of("double", s->default_value, s->minimum, s->maximum, true);
  }
  return {g_type_name(spec->value_type), "", ""};
}

std::string access(const GParamSpec* spec) {
  if (!(spec->flags & G_PARAM_WRITABLE)) return "read only";
  std::string when = spec->flags & GST_PARAM_MUTABLE_PLAYING ? "any time" : "NULL, READY";
  return spec->flags & G_PARAM_READABLE ? when : when + "; write only";
}

/// A new element, or null if its plugin is not built.
using Element = std::unique_ptr<GstElement, decltype(&gst_object_unref)>;
Element make(const char* name) {
  return {gst_element_factory_make(name, nullptr), gst_object_unref};
}

bool has_property(GstElement* element, const char* name) {
  return g_object_class_find_property(G_OBJECT_GET_CLASS(element), name);
}

/// Table of the properties of `element` that `other` has (`are_shared`), or does not have.
std::string expected_table(GstElement* element, GstElement* other, bool are_shared) {
  std::string rows =
      "| property | type | default | range | may change in | |\n|---|---|---|---|---|---|\n";
  guint count = 0;
  GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
  for (guint i = 0; i < count; ++i) {
    if (!g_str_has_prefix(g_type_name(specs[i]->owner_type), "GstTs")) continue;
    if (has_property(other, specs[i]->name) != are_shared) continue;
    const Value value = value_of(specs[i]);
    for (const std::string& cell :
         {"`" + std::string(specs[i]->name) + "`", value.type, value.initial, value.range,
          access(specs[i]), std::string(g_param_spec_get_blurb(specs[i]))})
      rows += "| " + cell + (cell.empty() ? "" : " ");
    rows += "|\n";
  }
  g_free(specs);
  return rows;
}

Page reference() {
  return Page(std::filesystem::path(std::getenv("TORCHSTREAMER_SOURCE")) / "gst/README.md");
}

struct Table {
  const char *element, *other;
  bool are_shared;      ///< of the properties that both have
  const char* heading;  ///< above the table in gst/README.md
};

class Properties : public testing::TestWithParam<Table> {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
};

TEST_P(Properties, TableMatchesTheElement) {
  const auto [name, other_name, are_shared, heading] = GetParam();
  const Element element = make(name), other = make(other_name);
  ASSERT_TRUE(element && other) << name;
  const Page page = reference();
  const std::string expected = expected_table(element.get(), other.get(), are_shared);
  EXPECT_TRUE(page.table(heading) == expected) << "The table below '" << heading << "' should be:\n"
                                               << expected;
}

/// Fields of `stats` after a short run of `launch`, whose element is named "it".
std::set<std::string> fields_of_stats(const std::string& launch) {
  GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PAUSED);
  gst_element_get_state(pipeline, nullptr, nullptr, GST_CLOCK_TIME_NONE);
  const Element element = {gst_bin_get_by_name(GST_BIN(pipeline), "it"), gst_object_unref};
  GstStructure* stats = nullptr;
  g_object_get(element.get(), "stats", &stats, nullptr);
  std::set<std::string> names;
  for (gint i = 0; i < gst_structure_n_fields(stats); ++i)
    names.insert(gst_structure_nth_field_name(stats, i));
  gst_structure_free(stats);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  return names;
}

TEST(Statistics, TableHasAllFields) {
  gst_init(nullptr, nullptr);
  const std::string model = std::getenv("TORCHSTREAMER_MODELS") + std::string("/same3.script.pt");
  const std::vector<std::string> names = reference().names("Statistics");
  EXPECT_EQ(fields_of_stats("audiotestsrc ! tsmodel name=it location=" + model + " ! fakesink"),
            std::set<std::string>(names.begin(), names.end()));
}

INSTANTIATE_TEST_SUITE_P(
    Elements, Properties,
    testing::Values(Table{"tsresample", "tsmodel", true, "Properties of both elements"},
                    Table{"tsmodel", "tsresample", true, "Properties of both elements"},
                    Table{"tsresample", "tsmodel", false, "Properties of tsresample"},
                    Table{"tsmodel", "tsresample", false, "Properties of tsmodel"}),
    [](const auto& info) {
      return info.param.element + std::string(info.param.are_shared ? "_shared" : "");
    });

}  // namespace
}  // namespace torchstreamer::test
