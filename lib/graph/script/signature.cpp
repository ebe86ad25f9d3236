#include "graph/script/signature.h"

#include <c10/util/StringUtil.h>

#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

// Largest number of methods that are listed.
constexpr size_t kMostListed = 12;

[[noreturn]] void refuse_signature(const std::string& reason) {
  throw Refusal("forward()", "", "", reason);
}

// Returns "encode(Tensor x, int rate=3) -> Tensor": the schema without the module.
std::string signature_of(const torch::jit::Method& method) {
  const std::string schema = c10::str(method.function().getSchema());
  const std::string self = " self";
  const size_t begin = schema.find('('), end = schema.find(self);
  if (begin == schema.npos || end == schema.npos || end < begin) return schema;
  size_t rest = end + self.size();
  if (schema.compare(rest, 2, ", ") == 0) rest += 2;
  return schema.substr(0, begin + 1) + schema.substr(rest);
}

std::string listed_methods(const torch::jit::Module& module) {
  std::string list;
  size_t count = 0;
  for (const auto& method : module.get_methods())
    if (++count <= kMostListed) list += (list.empty() ? "" : ", ") + signature_of(method);
  if (count > kMostListed) list += c10::str(" and ", count - kMostListed, " more");
  return list.empty() ? "no methods" : "the methods " + list;
}

}  // namespace

void require_signal_argument(const torch::jit::Module& module) {
  const auto forward = module.find_method("forward");
  if (!forward)
    refuse_signature("the model has no method of this name, but " + listed_methods(module) +
                     "; save a module whose forward(x) computes the whole signal");
  const auto& arguments = forward->function().getSchema().arguments();
  const std::string signature = "its signature is " + signature_of(*forward);
  if (arguments.size() < 2)
    refuse_signature("it takes no signal, " + signature + "; save a module with forward(x)");
  for (size_t i = 2; i < arguments.size(); ++i)
    if (!arguments[i].default_value())
      refuse_signature("it needs its argument '" + arguments[i].name() +
                       "', and a stream has one input, the signal: " + signature +
                       "; give the argument a default, or save a module that passes it");
}

}  // namespace torchstreamer::graph
