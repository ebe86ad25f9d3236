// Runs the launch lines in the documentation of the elements, in a folder with the files that they
// name, and checks the descriptions of properties, elements and plugins.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "expect_says.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

namespace fs = std::filesystem;

/// Text between |[ and ]| in the comments of `source`, without the marks of the comment.
std::vector<std::string> launch_lines(const fs::path& source) {
  const std::string text = std::regex_replace(read_text(source), std::regex("\n \\* ?"), "\n");
  const std::regex block("\\|\\[\\n([^]*?)\\]\\|");
  std::vector<std::string> lines;
  for (std::sregex_iterator it(text.begin(), text.end(), block), end; it != end; ++it)
    lines.push_back((*it)[1]);
  return lines;
}

/// The file that documents `element`.
fs::path documented_in(const std::string& element) {
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(g_getenv("TORCHSTREAMER_SOURCE")) / "gst"))
    if (entry.is_regular_file() &&
        read_text(entry.path()).find(" * SECTION:element-" + element + "\n") != std::string::npos)
      return entry.path();
  return {};
}

class Docs : public testing::Test {
 protected:
  int shell(const std::string& command) const {
    return std::system(("cd '" + folder_.path().string() + "' && " + command).c_str());
  }

  /// Makes the files that `line` reads: half a second of mono audio, or a model of one channel.
  void make_inputs(const std::string& line) const {
    const std::regex named("(filesrc +)?location=([^ ]+)");
    for (std::sregex_iterator it(line.begin(), line.end(), named), end; it != end; ++it) {
      const fs::path file = folder_ / (*it)[2].str();
      if (file.extension() == ".pt" && !fs::exists(file))
        fs::copy_file(fs::path(g_getenv("TORCHSTREAMER_MODELS")) / "same3.script.pt", file);
      if (file.extension() == ".wav" && (*it)[1].matched) {
        ASSERT_EQ(shell("gst-launch-1.0 -q audiotestsrc num-buffers=20 ! "
                        "audio/x-raw,rate=44100,channels=1 ! wavenc ! filesink location=" +
                        file.string()),
                  0);
      }
    }
  }

  const TemporaryFolder folder_;
};

TEST_F(Docs, LaunchLinesRun) {
  for (const char* element : {"tsresample", "tsmodel"}) {
    if (!g_getenv("TORCHSTREAMER_MODELS") && std::string(element) == "tsmodel") continue;
    const std::vector<std::string> lines = launch_lines(documented_in(element));
    EXPECT_GE(lines.size(), 2u) << element;
    for (const std::string& line : lines) {
      SCOPED_TRACE(line);
      EXPECT_EQ(line.rfind("gst-launch-1.0 ", 0), 0u);
      make_inputs(line);
      EXPECT_EQ(shell("timeout 60 " + line.substr(0, line.rfind('\n')) + " >log 2>&1"), 0)
          << read_text(folder_ / "log");
      if (line.find("output-mode=message") != std::string::npos) {
        EXPECT_NE(read_text(folder_ / "log").find("tsmodel, timestamp="), std::string::npos);
      }
    }
  }
}

TEST_F(Docs, PropertiesAreDescribed) {
  for (const char* name : {"tsresample", "tsmodel"}) {
    GstElement* element = gst_element_factory_make(name, nullptr);
    if (!element && !g_getenv("TORCHSTREAMER_MODELS")) continue;
    ASSERT_NE(element, nullptr);
    guint count = 0;
    GParamSpec** properties = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
    for (guint i = 0; i < count; ++i) {
      const GParamSpec* property = properties[i];
      if (!g_str_has_prefix(g_type_name(property->owner_type), "GstTs")) continue;
      const std::string nick = g_param_spec_get_nick(properties[i]);
      const gchar* blurb = g_param_spec_get_blurb(properties[i]);
      SCOPED_TRACE(property->name);
      EXPECT_EQ(property->owner_type, G_OBJECT_TYPE(element))
          << "the documentation of the plugin does not list properties of other classes";
      EXPECT_NE(nick, property->name) << "has no nick";
      ASSERT_NE(blurb, nullptr);
      EXPECT_GT(std::string(blurb).size(), 10u);
      const guint when = GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PLAYING;
      EXPECT_EQ((property->flags & G_PARAM_WRITABLE) != 0, (property->flags & when) != 0)
          << "the flags do not say in which states it may change";
    }
    g_free(properties);
    EXPECT_EQ(shell(std::string("gst-inspect-1.0 ") + name + " >log 2>&1"), 0);
    const std::string text = read_text(folder_ / "log");
    for (const char* part : {"Audio", "block-duration", "processing-latency", "tolerance", "stats"})
      EXPECT_SAYS(part, text);
    gst_object_unref(element);
  }
}

TEST(Registration, ElementsAndPluginsHaveMetadata) {
  const std::pair<const char*, const char*> elements[] = {{"tsresample", "Filter/Converter/Audio"},
                                                          {"tsmodel", "Filter/Effect/Audio"}};
  for (const auto& [name, klass] : elements) {
    SCOPED_TRACE(name);
    GstElementFactory* factory = gst_element_factory_find(name);
    if (!factory && !g_getenv("TORCHSTREAMER_MODELS")) continue;
    ASSERT_NE(factory, nullptr);
    EXPECT_EQ(gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(factory)), GST_RANK_NONE);
    EXPECT_STREQ(gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS), klass);
    GstPlugin* plugin = gst_plugin_feature_get_plugin(GST_PLUGIN_FEATURE(factory));
    EXPECT_STREQ(gst_plugin_get_name(plugin), name);
    EXPECT_STREQ(gst_plugin_get_license(plugin), "MIT/X11");
    EXPECT_STREQ(gst_plugin_get_package(plugin), "torchstreamer");
    EXPECT_STREQ(gst_plugin_get_origin(plugin), "https://github.com/torchstreamer/torchstreamer");
    GstElement* element = gst_element_factory_create(factory, nullptr);
    guint count = 0;
    GParamSpec** properties = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
    for (guint i = 0; i < count; ++i) {
      const GType type = properties[i]->value_type;
      const bool is_ours = G_TYPE_IS_ENUM(type) && g_str_has_prefix(g_type_name(type), "GstTs");
      EXPECT_EQ(gst_type_is_plugin_api(type, nullptr), is_ours) << g_type_name(type);
    }
    EXPECT_FALSE(gst_type_is_plugin_api(g_type_parent(G_OBJECT_TYPE(element)), nullptr));
    GstDebugCategory* category = _gst_debug_get_category(name);
    EXPECT_NE(category, nullptr) << "no debug category";
    g_free(properties);
    for (gpointer object : {gpointer(element), gpointer(plugin), gpointer(factory)})
      gst_object_unref(object);
  }
}

}  // namespace
}  // namespace torchstreamer::test
