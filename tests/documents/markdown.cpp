#include "markdown.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace torchstreamer::test {
namespace {

namespace fs = std::filesystem;

constexpr char kNotRun[] = "*Not run by the tests: ";

/// First group of every match of `pattern`.
std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it)
    found.push_back((*it)[1]);
  return found;
}

/// Lower case; letters, digits, '-' and '_' are kept, and blanks become '-'.
std::string anchor(const std::string& heading) {
  std::string name;
  for (const unsigned char c : heading) {
    if (std::isalnum(c) || c == '-' || c == '_') name += static_cast<char>(std::tolower(c));
    if (c == ' ') name += '-';
  }
  return name;
}

}  // namespace

Page::Page(const fs::path& path) : path_(path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path.string() + " cannot be read");
  text_.assign(std::istreambuf_iterator<char>(file), {});

  std::istringstream lines(text_);
  std::string last_words;  // last line of prose that is not empty
  bool is_inside = false;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.rfind("```", 0) == 0) {
      if (!is_inside)
        blocks_.push_back({line.substr(3), "", number, last_words.rfind(kNotRun, 0) != 0});
      is_inside = !is_inside;
      last_words.clear();
    } else if (is_inside) {
      blocks_.back().text += line + "\n";
    } else {
      prose_ += line + "\n";
      if (!line.empty()) last_words = line;
    }
  }
  if (is_inside) throw std::runtime_error(path.string() + ": a code block is not closed");
}

std::vector<std::string> Page::links() const { return matches(prose_, "\\]\\(([^)\\s]+)\\)"); }

std::vector<std::string> Page::named_paths() const {
  return matches(prose_, "`((?:lib|gst|tests|pipelines|\\.ci|\\.github)/[\\w./-]*)`");
}

std::vector<std::string> Page::anchors() const {
  std::vector<std::string> names = matches("\n" + prose_, "\\n#+ ([^\\n]+)");
  std::transform(names.begin(), names.end(), names.begin(), anchor);
  return names;
}

std::string Page::table(const std::string& heading) const {
  std::istringstream lines(prose_);
  std::string rows;
  bool is_below = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("#", 0) == 0) is_below = line.substr(line.find(' ') + 1) == heading;
    if (is_below && line.rfind("|", 0) == 0) rows += line + "\n";
  }
  return rows;
}

std::vector<std::string> Page::names(const std::string& heading) const {
  std::string cells;
  for (const std::string& cell : matches("\n" + table(heading), "\n\\|([^|]*)\\|")) cells += cell;
  return matches(cells, "`([^`]*)`");
}

int Page::words() const {
  std::istringstream words(text_);
  return static_cast<int>(std::distance(std::istream_iterator<std::string>(words),
                                        std::istream_iterator<std::string>()));
}

std::vector<std::string> markdown_files(const fs::path& source) {
  std::vector<std::string> pages;
  for (const auto& entry : fs::directory_iterator(source))
    if (entry.path().extension() == ".md") pages.push_back(entry.path().filename().string());
  for (const char* folder : {".github", "lib", "gst", "tests", "pipelines"}) {
    for (const auto& entry : fs::recursive_directory_iterator(source / folder))
      if (entry.path().extension() == ".md")
        pages.push_back(fs::relative(entry.path(), source).string());
  }
  std::sort(pages.begin(), pages.end());
  return pages;
}

std::string test_name(const std::string& path) {
  return std::regex_replace(path, std::regex("\\W"), "_");
}

}  // namespace torchstreamer::test
