#include "graph/script/load_fault.h"

#include <c10/util/Exception.h>
#include <torch/version.h>

#include <cstdlib>

#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

constexpr char kLibtorch[] = "libtorch " TORCH_VERSION;
constexpr char kNewer[] = "use a newer libtorch, or save the model with an older PyTorch";

// Returns libtorch's whole message.
std::string text_of(const std::exception& e) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&e);
  return torch_error ? torch_error->what_without_backtrace() : e.what();
}

// Returns the first operator name, such as "aten::conv1d", after `mark`; empty if there is none.
std::string operator_after(const std::string& text, const std::string& mark) {
  constexpr char kNameCharacters[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  const size_t start = text.find(mark);
  const size_t colons = start == text.npos ? start : text.find("::", start);
  if (colons == text.npos) return "";
  const size_t begin = text.find_last_not_of(kNameCharacters, colons - 1) + 1;
  const size_t end = text.find_first_not_of(kNameCharacters, colons + 2);
  return text.substr(begin, end - begin);
}

// Returns " at file:line" of the model's own source; empty if the text names none.
std::string place_in(const std::string& text) {
  const std::string file_mark = "File \"", line_mark = "\", line ";
  for (size_t at = text.find(file_mark); at != text.npos; at = text.find(file_mark, at)) {
    at += file_mark.size();
    const size_t end = text.find(line_mark, at);
    if (end == text.npos) return "";
    const std::string file = text.substr(at, end - at);
    const bool is_own = file.rfind("code/", 0) != 0 && file.find("-packages/torch/") == file.npos;
    if (is_own)
      return " at " + file + ":" + std::to_string(std::atoi(&text[end + line_mark.size()]));
  }
  return "";
}

}  // namespace

std::string load_fault(const std::exception& e) {
  const std::string text = text_of(e);
  if (const std::string unknown = operator_after(text, "Unknown builtin op: "); !unknown.empty())
    return "uses the operator " + unknown + place_in(text) + ", which " + kLibtorch +
           " does not have; " + kNewer;
  if (const std::string called = operator_after(text, "Arguments for call are not valid");
      !called.empty())
    return "calls the operator " + called + place_in(text) + " with arguments that " + kLibtorch +
           " does not accept; " + kNewer;
  return std::string("cannot be read by ") + kLibtorch + ": " + reason_of(e);
}

}  // namespace torchstreamer::graph
