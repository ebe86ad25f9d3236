#include "graph/script/signature.h"

#include <c10/util/StringUtil.h>

#include "support/plain_names.h"
#include "support/wrong_option.h"

namespace torchstreamer::graph {
namespace {

// Largest number of methods that are listed.
constexpr size_t kMostListed = 12;

std::string listed_methods(const torch::jit::Module& module) {
  std::string list;
  const auto all = signatures(module);
  for (size_t i = 0; i < all.size() && i < kMostListed; ++i) list += (i ? ", " : "") + all[i];
  if (all.size() > kMostListed) list += c10::str(" and ", all.size() - kMostListed, " more");
  return list.empty() ? "no methods" : "the methods " + list;
}

}  // namespace

std::string signature_of(const c10::FunctionSchema& schema) {
  const std::string text = c10::str(schema);
  const std::string self = " self";
  const size_t begin = text.find('('), end = text.find(self);
  if (begin == text.npos || end == text.npos || end < begin) return with_plain_names(text);
  size_t rest = end + self.size();
  if (text.compare(rest, 2, ", ") == 0) rest += 2;
  return with_plain_names(text.substr(0, begin + 1) + text.substr(rest));
}

std::vector<std::string> signatures(const torch::jit::Module& module) {
  std::vector<std::string> all;
  for (const auto& method : module.get_methods())
    if (method.name()[0] != '_') all.push_back(signature_of(method.function().getSchema()));
  return all;
}

torch::jit::Method required_method(const torch::jit::Module& module, const std::string& name) {
  if (const auto method = module.find_method(name)) return *method;
  const std::string has = listed_methods(module);
  if (name != "forward")
    throw WrongOption("method", "the model has no method '" + name + "'; it has " + has);
  throw Refusal(
      "forward()", "", "",
      "the model has no method of this name; it has " + has +
          "; choose one that computes the whole signal, or save a module whose forward(x) does");
}

}  // namespace torchstreamer::graph
