#include "support/plain_names.h"

#include <cctype>

namespace torchstreamer {

std::string with_plain_names(std::string text) {
  const std::string root = "__torch__.";
  const auto belongs = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
  };
  for (size_t at = 0; (at = text.find(root, at)) != text.npos; ++at) {
    if (at > 0 && (belongs(text[at - 1]) || text[at - 1] == '/')) continue;  // a file of code
    size_t end = at + root.size();
    while (end < text.size() && belongs(text[end])) ++end;
    while (text[end - 1] == '.') --end;     // of the sentence
    if (end <= at + root.size()) continue;  // no name follows
    text.erase(at, text.rfind('.', end - 1) + 1 - at);
  }
  return text;
}

}  // namespace torchstreamer
