// Checks that programs and pipelines work with the files that `meson install` installs.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "shell.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

namespace fs = std::filesystem;

class Install : public ::testing::Test {
 protected:
  Install() {
    const Result installed = shell("meson install -C " + build_ +
                                   " --no-rebuild --quiet --destdir " + root_.path().string());
    EXPECT_EQ(installed.status, 0) << installed.text;
    for (const auto& entry : fs::recursive_directory_iterator(root_.path())) {
      if (entry.path().filename() == "torchstreamer.pc") pkgconfig_ = entry.path().parent_path();
      if (entry.path().filename() == "libgsttsmodel.so") plugins_ = entry.path().parent_path();
    }
  }

  // A pkg-config command that finds the installed .pc files.
  std::string pkg_config(const std::string& arguments) const {
    return "PKG_CONFIG_PATH=" + pkgconfig_.string() + ":" + (plugins_ / "pkgconfig").string() +
           " pkg-config " + arguments;
  }
  // Runs a command with the installed library and with no plugins but the system's.
  std::string in_prefix(const std::string& command) const {
    return "LD_LIBRARY_PATH=" + pkgconfig_.parent_path().string() +
           " GST_PLUGIN_PATH= " + "GST_REGISTRY=" + (root_ / "registry.bin").string() +
           " timeout 60 " + command;
  }

  std::string source_ = std::getenv("TORCHSTREAMER_SOURCE");
  std::string build_ = std::getenv("BUILD");
  std::string model_ = std::string(std::getenv("TORCHSTREAMER_MODELS")) + "/same3.script.pt";
  const TemporaryFolder root_;
  fs::path pkgconfig_, plugins_;
};

TEST_F(Install, TheExampleOfTheReadmeBuildsWithPkgConfig) {
  ASSERT_FALSE(pkgconfig_.empty()) << "no torchstreamer.pc";
  const std::string program = (root_ / "consumer").string();
  const Result built = shell("g++ -std=c++17 -O0 " + source_ + "/tests/install/consumer.cpp -o " +
                             program + " $(" + pkg_config("--cflags --libs torchstreamer") + ")");
  ASSERT_EQ(built.status, 0) << built.text;
  const Result run = shell(in_prefix(program));
  EXPECT_EQ(run.status, 0);
  EXPECT_NE(run.text.find("238 0 1/2 5 4 238"), std::string::npos) << run.text;
}

TEST_F(Install, EmbeddingProgramsBuildWithTheCommandInTheirComment) {
  int programs = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(source_) / "pipelines/embedding")) {
    if (entry.path().extension() != ".c" && entry.path().extension() != ".cpp") continue;
    const std::string text = read_text(entry.path());
    std::smatch line;
    ASSERT_TRUE(std::regex_search(text, line, std::regex("g(cc|\\+\\+) .*-o .*"))) << entry.path();
    const Result built = shell("cd " + root_.path().string() + " && cp " + entry.path().string() +
                               " . && PKG_CONFIG_PATH=" + pkgconfig_.string() + " && export " +
                               "PKG_CONFIG_PATH && " + line.str());
    EXPECT_EQ(built.status, 0) << line.str() << "\n" << built.text;
    ++programs;
  }
  EXPECT_EQ(programs, 3);
}

TEST_F(Install, TheInstalledElementsFindTheLibrary) {
  ASSERT_FALSE(plugins_.empty()) << "no libgsttsmodel.so";
  const Result folder = shell(pkg_config("--variable=pluginsdir gsttsmodel"));
  EXPECT_EQ(fs::path(folder.text.substr(0, folder.text.find('\n'))).lexically_normal(), plugins_);
  const Result run = shell("GST_REGISTRY=" + (root_ / "registry.bin").string() +
                           " GST_PLUGIN_PATH=" + plugins_.string() +
                           " timeout 60 gst-launch-1.0 audiotestsrc num-buffers=3 ! tsresample ! "
                           "audio/x-raw,rate=8000,channels=1 ! tsmodel location=" +
                           model_ + " ! fakesink");
  EXPECT_EQ(run.status, 0) << run.text;
  EXPECT_NE(run.text.find("Got EOS"), std::string::npos) << run.text;
}

TEST_F(Install, ACProgramRegistersTheStaticElements) {
  const std::string program = (root_ / "static_consumer").string();
  const Result built =
      shell("gcc " + source_ + "/tests/install/static_consumer.c -o " + program + " $(" +
            pkg_config("--cflags --libs gsttsresample gsttsmodel gstreamer-1.0") + ")");
  ASSERT_EQ(built.status, 0) << built.text;
  const Result run = shell(
      in_prefix(program + " 'audiotestsrc num-buffers=3 ! tsresample ! " +
                "audio/x-raw,rate=8000,channels=1 ! tsmodel location=" + model_ + " ! fakesink'"));
  EXPECT_EQ(run.status, 0) << run.text;
  EXPECT_NE(run.text.find("tsresample inside, tsmodel inside\neos"), std::string::npos) << run.text;
}

TEST_F(Install, TheInstalledLibraryFetchesModels) {
  const Result run =
      shell(in_prefix("env LC_ALL=C GST_PLUGIN_PATH=" + plugins_.string() +
                      " XDG_CACHE_HOME=" + root_.path().string() +
                      " gst-launch-1.0 audiotestsrc ! tsmodel insecure-http=true retries=0 " +
                      "location=http://127.0.0.1:1/model.pt ! fakesink"));
  EXPECT_NE(run.text.find("refused"), std::string::npos) << run.text;
}

TEST_F(Install, PresetsAreInstalled) {
  fs::path presets;
  for (const auto& entry : fs::recursive_directory_iterator(root_.path()))
    if (entry.path().filename() == "GstTsResample.prs") presets = entry.path().parent_path();
  const Result inspected = shell(
      "GST_REGISTRY=" + (root_ / "registry.bin").string() + " GST_PRESET_PATH=" + presets.string() +
      " GST_PLUGIN_PATH=" + plugins_.string() + " gst-inspect-1.0 tsresample");
  EXPECT_NE(inspected.text.find("kaiser-best"), std::string::npos) << inspected.text;
}

TEST_F(Install, TheSchemaOfSettingsIsInstalled) {
  std::string schema;
  for (const auto& entry : fs::recursive_directory_iterator(root_.path()))
    if (entry.path().string().find("share/torchstreamer/torchstreamer.schema.json") !=
        std::string::npos)
      schema = read_text(entry.path());
  EXPECT_EQ(schema, read_text(fs::path(source_) / "lib/settings/torchstreamer.schema.json"));
}

// meson devenv, from a shell without variables of this project.
TEST(Devenv, HasTheElementsAndTheTools) {
  const std::string devenv =
      "env -u GST_PLUGIN_PATH -u LD_LIBRARY_PATH -u GST_REGISTRY -u GST_PRESET_PATH meson " +
      ("devenv -C " + std::string(std::getenv("BUILD")) + " ");
  for (const char* element : {"tsmodel", "tsresample"}) {
    const Result inspected = shell(devenv + "gst-inspect-1.0 " + element);
    EXPECT_EQ(inspected.status, 0) << inspected.text;
    EXPECT_NE(inspected.text.find("Factory Details"), std::string::npos) << inspected.text;
    EXPECT_NE(inspected.text.find(std::getenv("BUILD")), std::string::npos) << inspected.text;
  }
  EXPECT_NE(shell(devenv + "gst-inspect-1.0 tsresample").text.find("kaiser-best"),
            std::string::npos);
  const std::string model = std::string(std::getenv("TORCHSTREAMER_MODELS")) + "/same3.script.pt";
  const Result run =
      shell(devenv + "gst-launch-1.0 audiotestsrc num-buffers=3 ! tsmodel location=" + model +
            " ! fakesink");
  EXPECT_NE(run.text.find("Got EOS"), std::string::npos) << run.text;
  EXPECT_EQ(shell(devenv + "torchstreamer-inspect " + model).status, 0);
}

}  // namespace
}  // namespace torchstreamer::test
