#include "exported/graph/place.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "support/python_source.h"

namespace torchstreamer::exported {
namespace {

using torch::jit::InlinedCallStack;
using torch::jit::SourceRange;

// Largest number of lines that lead to a node; more are left out.
constexpr size_t kMostLines = 64;

struct Line {
  std::string file, code;
  size_t number;
};

// Returns the lines `File "FILE", line NUMBER, in NAME`, each with the line of code after it.
std::vector<Line> lines_of(const std::string& stack_trace) {
  std::vector<Line> lines;
  std::istringstream text(stack_trace);
  const std::string begin = "File \"", middle = "\", line ";
  for (std::string line; std::getline(text, line) && lines.size() < kMostLines;) {
    const size_t first = line.find_first_not_of(' ');
    const size_t end = line.rfind(middle);
    if (first == std::string::npos || line.compare(first, begin.size(), begin) != 0 ||
        end == std::string::npos) {
      if (!lines.empty() && lines.back().code.empty() && first != std::string::npos)
        lines.back().code = line.substr(first);
      continue;
    }
    const std::string file = line.substr(first + begin.size(), end - first - begin.size());
    const size_t number = std::strtoul(line.c_str() + end + middle.size(), nullptr, 10);
    lines.push_back({file, "", number});
  }
  return lines;
}

// Returns the path of the innermost module: "encoder.2". A call after the first one is "path@1".
std::string path_of(const std::string& module_stack) {
  const std::string last = module_stack.substr(module_stack.rfind(';') + 1);
  const size_t begin = last.find(','), end = last.find(',', begin + 1);
  if (begin == std::string::npos || end == std::string::npos) return "";
  const std::string path = last.substr(begin + 1, end - begin - 1);
  return path.substr(0, path.find('@'));
}

// Removes the lines of PyTorch, unless there are no others.
std::vector<Line> without_pytorch(std::vector<Line> lines) {
  std::vector<Line> own;
  std::copy_if(lines.begin(), lines.end(), std::back_inserter(own),
               [](const Line& line) { return !is_pytorch_file(line.file); });
  return own.empty() ? lines : own;
}

SourceRange range_of(const Line& line) {
  auto source = std::make_shared<torch::jit::Source>(line.code, line.file, line.number);
  return SourceRange(std::move(source), 0, line.code.size());
}

}  // namespace

Place place_of(const std::string& stack_trace, const std::string& module_stack,
               torch::jit::Function* forward) {
  Place place;
  place.module_path = path_of(module_stack);
  auto lines = without_pytorch(lines_of(stack_trace));
  if (lines.empty()) lines.push_back({"", "", 0});
  const Line& innermost = lines.back();
  if (!innermost.file.empty()) place.line = c10::str(innermost.file, ":", innermost.number);
  place.range = range_of(innermost);
  if (lines.size() == 1) lines.push_back(innermost);
  for (size_t i = lines.size() - 1; i-- > 0;) {
    const SourceRange range = range_of(lines[i]);
    place.callers = place.callers
                        ? c10::make_intrusive<InlinedCallStack>(place.callers, forward, range)
                        : c10::make_intrusive<InlinedCallStack>(forward, range);
  }
  return place;
}

}  // namespace torchstreamer::exported
