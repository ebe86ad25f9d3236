#include "support/exceptions.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <new>

#include "support/plain_names.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

constexpr size_t kMostQuotedBytes = 400;

// Returns the part after the traceback of the TorchScript interpreter: the first line after the
// last mark that is not an indented line of source.
std::string without_traceback(const std::string& text) {
  const std::string mark = "<--- HERE", type = "RuntimeError: ";
  size_t line = text.rfind(mark);
  if (line == std::string::npos) return text;
  while ((line = text.find('\n', line)) != std::string::npos) {
    ++line;
    if (line == text.size() || text[line] == ' ' || text[line] == '\n') continue;
    return text.substr(text.compare(line, type.size(), type) == 0 ? line + type.size() : line);
  }
  return text;
}

// Removes the dispatcher's list of backends.
std::string without_backends(const std::string& text) {
  if (text.find("is only available for these backends") == std::string::npos) return text;
  return text.substr(0, text.find(". ") + 1);
}

// Returns the text as one line without repeated blanks.
std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) {
    const bool is_blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!is_blank)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

// Returns true for all bytes of a character of UTF-8 except the first.
bool is_inside_character(char byte) { return (byte & 0xc0) == 0x80; }

// Returns at most kMostQuotedBytes of a message of libtorch, whole characters.
std::string quoted(const std::string& text) {
  std::string line = with_plain_names(one_line(without_backends(without_traceback(text))));
  if (line.size() <= kMostQuotedBytes) return line;
  size_t end = kMostQuotedBytes - 3;
  while (end > 0 && is_inside_character(line[end])) --end;
  return line.substr(0, end) + "...";
}

}  // namespace

std::string message_of(const std::exception& e) {
  if (dynamic_cast<const Error*>(&e)) return e.what();
  const auto* torch_error = dynamic_cast<const c10::Error*>(&e);
  return quoted(torch_error ? torch_error->what_without_backtrace() : e.what());
}

std::string reason_of(const std::exception& e) {
  if (dynamic_cast<const std::bad_alloc*>(&e)) throw;
  return message_of(e);
}

void rethrow_as_error(const std::string& what) {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(what + ": " + reason_of(e));
  }
}

}  // namespace torchstreamer
