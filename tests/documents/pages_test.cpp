// Runs the code blocks of every page, from top to bottom, in a folder with the layout of the
// repository:
//
//   sh         is run; exported variables are kept for the next block
//   python     is run
//   c, cpp     are written to program.c and program.cpp, which a later sh block compiles
//   text       must equal the output of the block before it; ... matches anything
//   mermaid    is a drawing and is not run
//
// A block is skipped if the line above it begins with "*Not run by the tests: ".
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>

#include "../shell.h"
#include "../temporary_folder.h"
#include "markdown.h"

namespace torchstreamer::test {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (!value) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

/// `text` as a pattern; runs of blanks are equal, and "..." matches anything.
std::regex pattern_of(const std::string& text) {
  std::string pattern = std::regex_replace(text, std::regex("[\\[\\](){}.*+?^$|\\\\]"), "\\$&");
  pattern = std::regex_replace(pattern, std::regex("\\\\\\.\\\\\\.\\\\\\."), "[^]*");
  pattern = std::regex_replace(pattern, std::regex("\\s+"), "\\s+");
  return std::regex("\\s*" + pattern.substr(0, pattern.rfind("\\s+")) + "\\s*");
}

class Pages : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    prefix_ = new TemporaryFolder;
    const Result installed = shell("meson install -C " + environment("BUILD") +
                                   " --no-rebuild --quiet --destdir " + prefix_->path().string());
    ASSERT_EQ(installed.status, 0) << installed.text;
  }
  static void TearDownTestSuite() { delete prefix_; }

  Pages() {
    for (const auto& entry : fs::directory_iterator(source_))
      if (entry.path().filename().string().rfind("build", 0) != 0)
        fs::create_symlink(entry.path(), folder_ / entry.path().filename().string());
    fs::create_symlink(environment("BUILD"), folder_ / "build");
    // The blocks use an installed library. DESTDIR makes "meson install" write into the folder.
    std::ofstream(folder_ / "exports")
        << "unset GST_PLUGIN_PATH GST_PRESET_PATH DISPLAY\n"
        << "export HOME=$PWD DESTDIR=$PWD/prefix XDG_CACHE_HOME=$PWD/cache\n"
        << "export GST_REGISTRY=$PWD/registry.bin\n"
        << "export LD_LIBRARY_PATH=" << installed("libtorchstreamer.so.0").string() << "\n"
        << "export PKG_CONFIG_PATH=" << installed("torchstreamer.pc").string() << "\n";
  }

  /// Folder of the installed file `name`.
  static fs::path installed(const std::string& name) {
    for (const auto& entry : fs::recursive_directory_iterator(prefix_->path()))
      if (entry.path().filename() == name) return entry.path().parent_path();
    throw std::runtime_error(name + " is not installed");
  }

  /// Makes missing input files of `commands`: half a second of audio, or a model.
  void make_inputs(const std::string& commands) const {
    const std::regex named("([\\w.-]+)\\.(wav|pt)");
    const fs::path model = environment("TORCHSTREAMER_MODELS") + "/same3.script.pt";
    for (std::sregex_iterator it(commands.begin(), commands.end(), named), end; it != end; ++it) {
      const fs::path file = folder_ / it->str();
      if (fs::exists(file)) continue;
      if ((*it)[2] == "pt")
        fs::copy_file(model, file);
      else if (commands.find("filesink location=" + it->str()) == std::string::npos)
        shell(
            "gst-launch-1.0 -q audiotestsrc num-buffers=20 ! audio/x-raw,rate=44100,channels=1 "
            "! wavenc ! filesink location=" +
            file.string());
    }
  }

  void run_shell(const std::string& commands) {
    make_inputs(commands);
    std::ofstream(folder_ / "block")
        << ". ./exports\nset -eo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"
        << commands << "export -p > exports\n";
    last_ = shell("cd " + folder_.path().string() + " && timeout 300 bash block");
  }

  /// Fails if a pipeline wrote a file without audio.
  void expect_files(const std::string& commands) const {
    const std::regex named("filesink location=([\\w./-]+)");
    for (std::sregex_iterator it(commands.begin(), commands.end(), named), end; it != end; ++it)
      EXPECT_GT(fs::file_size(folder_ / (*it)[1].str()), 1000u) << it->str();
  }

  void run_python(const std::string& text) {
    std::ofstream(folder_ / "block.py") << text;
    last_ = shell("cd " + folder_.path().string() +
                  " && timeout 300 /usr/bin/python3 -W ignore block.py");
  }

  void run(const Block& block) {
    if (block.language == "sh") {
      run_shell(block.text);
      expect_files(block.text);
    }
    if (block.language == "python") run_python(block.text);
    if (block.language == "c" || block.language == "cpp")
      std::ofstream(folder_ / ("program." + block.language)) << block.text;
    if (block.language == "text") {
      EXPECT_TRUE(std::regex_match(last_.text, pattern_of(block.text))) << last_.text;
    } else {
      EXPECT_TRUE(last_.status == 0) << block.text << last_.text;
    }
  }

  const fs::path source_ = environment("TORCHSTREAMER_SOURCE");
  const TemporaryFolder folder_;
  Result last_{0, ""};  // result of the last block
  static inline const TemporaryFolder* prefix_ = nullptr;
};

TEST_P(Pages, BlocksRun) {
  const Page page(source_ / GetParam());
  for (const Block& block : page.blocks()) {
    SCOPED_TRACE(GetParam() + ":" + std::to_string(block.line));
    if (block.is_run) run(block);
  }
}

// A program that no line compiles would not be tested.
TEST_P(Pages, ProgramsAreCompiled) {
  std::map<std::string, bool> is_compiled;
  const Page page(source_ / GetParam());
  for (const Block& block : page.blocks()) {
    const std::string file = "program." + block.language;
    if (block.language == "c" || block.language == "cpp") is_compiled[file] = false;
    if (block.language != "sh") continue;
    for (auto& [name, is_used] : is_compiled)
      is_used = is_used || block.text.find(" " + name + " ") != std::string::npos;
  }
  for (const auto& [name, is_used] : is_compiled) EXPECT_TRUE(is_used) << name;
}

TEST_P(Pages, BlocksHaveAKnownLanguage) {
  const std::string known = " sh python c cpp text mermaid ";
  const Page page(source_ / GetParam());
  for (const Block& block : page.blocks())
    EXPECT_NE(known.find(" " + block.language + " "), std::string::npos)
        << GetParam() << ":" << block.line;
}

INSTANTIATE_TEST_SUITE_P(All, Pages,
                         testing::ValuesIn(markdown_files(environment("TORCHSTREAMER_SOURCE"))),
                         [](const auto& info) { return test_name(info.param); });

TEST(Documents, TextIsComparedWithOutput) {
  const std::regex pattern = pattern_of("rate 1/2 ...\nlast (line)\n");
  EXPECT_TRUE(std::regex_match("rate 1/2 and\nmore\n  last   (line)\n", pattern));
  EXPECT_FALSE(std::regex_match("rate 1/3 and\nlast (line)\n", pattern));
  EXPECT_FALSE(std::regex_match("rate 1/2 and\nlast (line) and more\n", pattern));
}

TEST(Documents, FewBlocksAreSkipped) {
  const fs::path source = environment("TORCHSTREAMER_SOURCE");
  int skipped = 0;
  for (const std::string& name : markdown_files(source)) {
    const Page page(source / name);
    for (const Block& block : page.blocks()) skipped += !block.is_run;
  }
  EXPECT_LE(skipped, 12);
}

}  // namespace
}  // namespace torchstreamer::test
