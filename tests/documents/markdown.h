// Parses the parts of a Markdown page that the tests use.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace torchstreamer::test {

/// A fenced code block.
struct Block {
  std::string language;  ///< the word after the opening fence; empty: none
  std::string text;
  int line = 0;        ///< line of the opening fence, counted from 1
  bool is_run = true;  ///< false: a line above the block says that the tests do not run it
};

/// A Markdown file.
class Page {
 public:
  /// Throws std::runtime_error if the file cannot be read or a fence is not closed.
  explicit Page(const std::filesystem::path& path);

  const std::vector<Block>& blocks() const { return blocks_; }
  /// Targets of all links and pictures, in order.
  std::vector<std::string> links() const;
  /// Paths of this repository in code spans: `lib/graph/rules`, for example.
  std::vector<std::string> named_paths() const;
  /// Names of the headings, as GitHub derives them for links.
  std::vector<std::string> anchors() const;
  /// Lines that begin with '|' below the heading `heading`, up to the next heading.
  std::string table(const std::string& heading) const;
  /// Names in code spans of the first cells of that table.
  std::vector<std::string> names(const std::string& heading) const;
  /// Number of words, blocks and tables included.
  int words() const;

 private:
  std::filesystem::path path_;
  std::string text_;   // all of it
  std::string prose_;  // without the code blocks
  std::vector<Block> blocks_;
};

/// All Markdown files of the repository at `source`, relative to it.
std::vector<std::string> markdown_files(const std::filesystem::path& source);

/// Name of a test of the page `path`: letters, digits and '_'.
std::string test_name(const std::string& path);

}  // namespace torchstreamer::test
