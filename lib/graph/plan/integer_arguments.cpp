#include "graph/plan/integer_arguments.h"

#include <c10/util/StringUtil.h>

#include <set>

namespace torchstreamer::graph {
namespace {

// Largest magnitude. Products of two such integers fit into 64 bits.
constexpr int64_t kLargest = int64_t{1} << 31;

bool is_bound_of_slice(const Node* node, size_t i) {
  return node->kind() == torch::jit::aten::slice && (i == 2 || i == 3);
}

// Returns true for arguments that must be at least 1.
bool is_count(const std::string& argument) {
  static const std::set<std::string> names = {"dilation", "groups", "hop_length", "kernel_size",
                                              "n_fft",    "step",   "stride",     "win_length"};
  return names.count(argument) > 0;
}

// Returns the integers of an argument that do not depend on the signal.
std::vector<int64_t> integers_in(const Value& value) {
  std::vector<int64_t> integers;
  if (const IValue* constant = value.constant()) {
    if (constant->isInt()) integers = {constant->toInt()};
    if (constant->isIntList()) integers = constant->toIntVector();
  } else if (const ListPtr* list = value.list()) {
    for (const Value& item : **list)
      if (item.constant() && item.constant()->isInt()) integers.push_back(item.constant()->toInt());
  }
  return integers;
}

}  // namespace

void require_supported_integers(const Call& call, bool has_rule) {
  const auto* schema = call.node->maybeSchema();
  if (!schema) return;
  for (size_t i = 0; i < call.args.size() && i < schema->arguments().size(); ++i) {
    const c10::Argument& argument = schema->arguments()[i];
    const bool is_scalar = argument.type()->kind() == c10::TypeKind::NumberType;
    if (is_scalar || is_bound_of_slice(call.node, i)) continue;
    const int64_t least = has_rule && is_count(argument.name()) ? 1 : -kLargest;
    for (const int64_t integer : integers_in(call.args[i]))
      if (integer < least || integer > kLargest)
        call.refuse(c10::str("its argument '", argument.name(), "' is ", integer, "; ", least,
                             " to ", kLargest, " are supported"));
  }
}

}  // namespace torchstreamer::graph
