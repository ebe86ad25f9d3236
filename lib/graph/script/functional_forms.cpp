#include "graph/script/functional_forms.h"

#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "graph/script/aliases.h"
#include "graph/script/visit_nodes.h"

namespace torchstreamer::graph {
namespace {

namespace jit = torch::jit;
using Arguments = std::vector<c10::Argument>;

bool is_tensor(const jit::Value* value) {
  return value->type()->isSubtypeOf(*c10::TensorType::get());
}

// Returns true if an overload of the operator has these arguments and as many results.
bool has_form(c10::Symbol kind, const Arguments& arguments, size_t results) {
  const auto is_same = [](const c10::Argument& a, const c10::Argument& b) {
    return a.name() == b.name() && *a.type() == *b.type();
  };
  const auto overloads = jit::getAllOperatorsFor(kind);
  return std::any_of(overloads.begin(), overloads.end(), [&](const auto& overload) {
    const auto& other = overload->schema().arguments();
    return std::equal(arguments.begin(), arguments.end(), other.begin(), other.end(), is_same) &&
           overload->schema().returns().size() == results;
  });
}

// Adds an operator before `node`, with its place in the source.
jit::Node* insert_before(jit::Node* node, c10::Symbol kind, at::ArrayRef<jit::Value*> inputs,
                         size_t outputs) {
  jit::Node* made = node->owningGraph()->create(kind, inputs, outputs)->copyMetadata(node);
  return made->insertBefore(node);
}

// Calls `replace` for the operators that write, and removes those for which it returns true.
template <typename Replace>
void replace_nodes(jit::Graph& graph, const Replace& replace) {
  visit_nodes(graph.block(), [&](jit::Node* node) {
    const auto* schema = node->maybeSchema();
    if (schema && schema->is_mutable() && !schema->is_vararg() && replace(node)) node->destroy();
  });
}

// Returns the type of a new tensor that only `node` and later nodes use; none for other tensors.
// PyTorch gives it the shape of the result, which is converted to its type.
std::optional<at::ScalarType> type_if_new(const jit::Node* node, const jit::Value* tensor) {
  const jit::Node* origin = tensor->node();
  const bool is_new =
      origin->kind() == jit::aten::zeros && origin->owningBlock() == node->owningBlock() &&
      std::all_of(tensor->uses().begin(), tensor->uses().end(), [node](const jit::Use& use) {
        return use.user == node || use.user->isAfter(node);
      });
  if (!is_new || !origin->hasNamedInput("dtype")) return std::nullopt;
  const auto type = jit::toIValue(origin->namedInput("dtype"));
  if (!type) return std::nullopt;
  return type->isNone() ? at::kFloat : type->toScalarType();
}

bool replace_outs(jit::Node* node) {
  Arguments arguments;
  std::vector<jit::Value*> inputs, outs;
  for (size_t i = 0; i < node->inputs().size(); ++i) {
    const c10::Argument& argument = node->schema().arguments()[i];
    (argument.is_out() ? outs : inputs).push_back(node->input(i));
    if (!argument.is_out()) arguments.push_back(argument);
  }
  const size_t results = node->outputs().size();
  if (outs.empty() || outs.size() != results || !has_form(node->kind(), arguments, results))
    return false;
  const jit::WithInsertPoint before(node);
  jit::Node* computed = insert_before(node, node->kind(), inputs, results);
  jit::Value* is_asynchronous = node->owningGraph()->insertConstant(false);
  for (size_t i = 0; i < results; ++i) {
    if (const auto type = type_if_new(node, outs[i])) {
      jit::Value* converted =
          node->owningGraph()->insert(jit::aten::to, {computed->output(i), *type});
      converted->node()->copyMetadata(node);
      outs[i]->replaceAllUsesWith(converted);
      node->output(i)->replaceAllUsesWith(converted);
      continue;
    }
    const std::vector<jit::Value*> written = {outs[i], computed->output(i), is_asynchronous};
    node->output(i)->replaceAllUsesWith(
        insert_before(node, jit::aten::copy_, written, 1)->output());
  }
  return true;
}

// Returns true if `node` alone uses the value, through views that nothing else uses, and if the
// memory belongs to no other value. All of it must be in one block, because a round of a loop reads
// the writes of the previous round.
bool is_only_reader(const jit::Node* node, const jit::Value* value) {
  const jit::Node* origin = value->node();
  const auto* schema = origin->maybeSchema();
  if (value->uses().size() != 1 || origin->owningBlock() != node->owningBlock() || !schema ||
      !origin->kind().is_aten() || schema->is_mutable() || schema->returns().size() != 1 ||
      may_return_argument(origin))
    return false;
  const bool is_view = schema->returns()[0].alias_info() != nullptr;
  return !is_view || (is_tensor(origin->input(0)) && is_only_reader(node, origin->input(0)));
}

bool replace_unread(jit::Node* node) {
  const std::string name = node->kind().toQualString();
  const auto tensors = std::count_if(node->inputs().begin(), node->inputs().end(), is_tensor);
  if (name.back() != '_' || tensors != 1 || !is_tensor(node->input(0)) ||
      node->outputs().size() != 1 || !is_only_reader(node, node->input(0)))
    return false;
  const auto kind = c10::Symbol::fromQualString(name.substr(0, name.size() - 1));
  if (!has_form(kind, node->schema().arguments(), 1)) return false;
  node->output()->replaceAllUsesWith(insert_before(node, kind, node->inputs(), 1)->output());
  return true;
}

}  // namespace

std::shared_ptr<jit::Graph> with_functional_forms(jit::Graph& graph) {
  auto copy = graph.copy();
  replace_nodes(*copy, replace_outs);
  replace_nodes(*copy, replace_unread);
  return copy;
}

}  // namespace torchstreamer::graph
