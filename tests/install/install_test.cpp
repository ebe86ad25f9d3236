// What `meson install` puts into a prefix is enough for a program and for a pipeline.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

namespace fs = std::filesystem;

struct Result {
  int status;
  std::string text;
};

Result shell(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  Result result{0, ""};
  char buffer[4096];
  while (const size_t n = fread(buffer, 1, sizeof buffer, pipe)) result.text.append(buffer, n);
  result.status = pclose(pipe);
  return result;
}

class Install : public ::testing::Test {
 protected:
  Install() {
    const Result installed =
        shell("meson install -C " + build_ + " --no-rebuild --quiet --destdir " + root_.string());
    EXPECT_EQ(installed.status, 0) << installed.text;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      if (entry.path().filename() == "torchstreamer.pc") pkgconfig_ = entry.path().parent_path();
      if (entry.path().filename() == "libgsttsmodel.so") plugins_ = entry.path().parent_path();
    }
  }
  ~Install() override { fs::remove_all(root_); }

  std::string source_ = std::getenv("TORCHSTREAMER_SOURCE");
  std::string build_ = std::getenv("BUILD");
  fs::path root_ = fs::temp_directory_path() / ("install" + std::to_string(getpid()));
  fs::path pkgconfig_, plugins_;
};

TEST_F(Install, TheExampleOfTheReadmeBuildsWithPkgConfig) {
  ASSERT_FALSE(pkgconfig_.empty()) << "no torchstreamer.pc";
  const std::string flags = "$(PKG_CONFIG_SYSROOT_DIR=" + root_.string() +
                            " PKG_CONFIG_PATH=" + pkgconfig_.string() +
                            " pkg-config --cflags --libs torchstreamer)";
  // The sysroot stands before every path; libtorch is outside of it.
  const std::string program = (root_ / "consumer").string();
  const Result built = shell("g++ -std=c++17 -O0 " + source_ + "/tests/install/consumer.cpp -o " +
                             program + " " + std::getenv("TORCH_FLAGS") + " " + flags);
  ASSERT_EQ(built.status, 0) << built.text;
  const Result run = shell("LD_LIBRARY_PATH=" + pkgconfig_.parent_path().string() + " " + program);
  EXPECT_EQ(run.status, 0);
  EXPECT_NE(run.text.find("238 0 1/2 5 4 238"), std::string::npos) << run.text;
}

TEST_F(Install, TheInstalledElementsFindTheLibrary) {
  ASSERT_FALSE(plugins_.empty()) << "no libgsttsmodel.so";
  const std::string model = std::string(std::getenv("TORCHSTREAMER_MODELS")) + "/same3.script.pt";
  const Result run = shell("GST_REGISTRY=" + (root_ / "registry.bin").string() +
                           " GST_PLUGIN_PATH=" + plugins_.string() +
                           " timeout 60 gst-launch-1.0 audiotestsrc num-buffers=3 ! tsresample ! "
                           "audio/x-raw,rate=8000,channels=1 ! tsmodel location=" +
                           model + " ! fakesink");
  EXPECT_EQ(run.status, 0) << run.text;
  EXPECT_NE(run.text.find("Got EOS"), std::string::npos) << run.text;
}

}  // namespace
