// Checks that the links and named paths of the documentation exist and that the README is short.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "markdown.h"

namespace torchstreamer::test {
namespace {

namespace fs = std::filesystem;

const fs::path& source() {
  static const fs::path folder = std::getenv("TORCHSTREAMER_SOURCE");
  return folder;
}

class Links : public testing::TestWithParam<std::string> {
 protected:
  /// Fails if the file or the heading that `link` of this page names does not exist.
  void expect_target(const std::string& link) const {
    const size_t hash = std::min(link.find('#'), link.size());
    const std::string file = link.substr(0, hash);
    const fs::path target = file.empty() ? path_ : path_.parent_path() / file;
    ASSERT_TRUE(fs::exists(target)) << link;
    if (hash == link.size()) return;
    const std::vector<std::string> anchors = Page(target).anchors();
    EXPECT_NE(std::find(anchors.begin(), anchors.end(), link.substr(hash + 1)), anchors.end())
        << link << ": there is no such heading";
  }

  const fs::path path_ = source() / GetParam();
};

TEST_P(Links, FilesAndHeadingsExist) {
  for (const std::string& link : Page(path_).links())
    if (link.find("://") == std::string::npos) expect_target(link);
}

TEST_P(Links, NamedPathsExist) {
  for (const std::string& name : Page(path_).named_paths())
    EXPECT_TRUE(fs::exists(source() / name)) << name;
}

INSTANTIATE_TEST_SUITE_P(Pages, Links, testing::ValuesIn(markdown_files(source())),
                         [](const auto& info) { return test_name(info.param); });

TEST(Readme, HasFewerThan1000Words) { EXPECT_LT(Page(source() / "README.md").words(), 1000); }

}  // namespace
}  // namespace torchstreamer::test
