#include "graph/plan/refusal.h"

#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/ir/ir.h>

#include "support/python_source.h"

namespace torchstreamer::graph {
namespace {

// Returns "file:line" of the Python source; empty if the file has no lines.
std::string line_of(torch::jit::SourceRange range) {
  if (auto original = range.findSourceRangeThatGenerated()) range = *original;
  const auto position = range.file_line_col();
  if (!position || std::get<0>(*position).empty()) return "";
  return c10::str(std::get<0>(*position), ":", std::get<1>(*position));
}

}  // namespace

std::string operator_name(const Node* node) { return node->kind().toQualString(); }

std::string module_path(const Node* node) {
  std::string path = node->scopeName();  // of programs of torch.export
  if (!path.empty() || !node->callstack()) return path;
  for (const auto& [function, range, instance] : (*node->callstack())->vec()) {
    if (!instance || instance->instance_name() == "SELF" || instance->instance_name().empty())
      continue;
    path += (path.empty() ? "" : ".") + instance->instance_name();
  }
  return path;
}

namespace {

bool is_pytorch(const std::string& line) { return line.empty() || is_pytorch_file(line); }

// Returns the innermost line of the node outside PyTorch's own sources; empty if there is none.
std::string own_line(const Node* node) {
  std::string own = line_of(node->sourceRange());
  if (!is_pytorch(own)) return own;
  own.clear();
  if (node->callstack())
    for (const auto& [function, range, instance] : (*node->callstack())->vec())
      if (const std::string caller = line_of(range); !is_pytorch(caller)) own = caller;
  return own;
}

}  // namespace

// Returns a line that the author of the model can change. libtorch 2 drops the callers of some
// functions of PyTorch; the line of one of the next nodes is used for them. All nodes of a
// torch.nn.Sequential may have no such line.
std::string source_line(const Node* node) {
  constexpr int kNearNodes = 64;
  std::string own = own_line(node);
  const Node* next = node;
  for (int i = 0; i < kNearNodes && own.empty(); ++i) {
    next = next->next();
    if (!next || next == node->owningBlock()->return_node()) break;
    if (const std::string line = own_line(next); !line.empty()) own = "near " + line;
  }
  return own.empty() ? line_of(node->sourceRange()) : own;
}

Refusal refusal(const Node* node, const std::string& reason) {
  return Refusal(operator_name(node), module_path(node), source_line(node), reason);
}

}  // namespace torchstreamer::graph
