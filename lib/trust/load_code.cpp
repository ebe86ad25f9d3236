#include "trust/load_code.h"

#include <caffe2/serialize/inline_container.h>

#include <string_view>

namespace torchstreamer {
namespace {

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

/// Returns true if the pickle names a class of torch.classes. A pickle separates a name at any dot
/// into the lines "module" and "class".
bool names_custom_class(std::string_view pickle) {
  constexpr char kSeparators[] = ".\n";
  constexpr std::string_view kParts[] = {"torch", "classes"};
  for (size_t at = 0; (at = pickle.find(kParts[1], at)) != pickle.npos; at += kParts[1].size()) {
    const size_t end = at + kParts[1].size();
    if (at == 0 || end == pickle.size()) continue;
    const bool is_whole = std::string_view(kSeparators).find(pickle[at - 1]) != pickle.npos &&
                          std::string_view(kSeparators).find(pickle[end]) != pickle.npos;
    if (is_whole && ends_with(pickle.substr(0, at - 1), kParts[0])) return true;
  }
  return false;
}

}  // namespace

std::string load_code_fault(const std::string& path) {
  // The reader of torch::jit::load(), which sees the same entries.
  caffe2::serialize::PyTorchStreamReader reader(path);
  if (reader.hasRecord("model.json"))
    return "is a TorchScript file of a format before PyTorch 1.2, which is not examined";
  for (const std::string& name : reader.getAllRecords()) {
    const bool is_code = begins_with(name, "code/") && ends_with(name, ".py");
    const bool is_pickle = name == "data.pkl" || name == "constants.pkl";
    if (!is_code && !is_pickle) continue;
    const auto record = reader.getRecord(name);
    const std::string_view text(static_cast<const char*>(std::get<0>(record).get()),
                                std::get<1>(record));
    if (is_code && text.find("__setstate__") != text.npos)
      return "has a method __setstate__, which runs while the file is loaded";
    if (is_pickle && names_custom_class(text))
      return "has an object of a C++ class, whose code runs while the file is loaded";
  }
  return "";
}

}  // namespace torchstreamer
