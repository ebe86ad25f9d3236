#include "graph/script/functional_forms.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/irparser.h>
#include <torch/csrc/jit/ir/subgraph_matcher.h>
#include <torch/csrc/jit/passes/constant_pooling.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
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

// The decomposition of upsample_linear1d() by torch 2.14. Its middle part, the positions, is
// kPositions, or kAlignedPositions with align_corners. Constants are inputs, because other nodes
// may use them, too.
constexpr char kBegin[] = R"(
graph(%x, %count, %step, %last, %start, %type, %layout, %device, %pin, %float, %long, %false, %none,
      %half, %zero, %one, %unit):
  %range = aten::arange(%start, %count, %unit, %type, %layout, %device, %pin)
  %frames = aten::to(%range, %float, %false, %false, %none)
)";
constexpr char kPositions[] = R"(  %middles = aten::add(%frames, %half, %unit)
  %scaled = aten::mul(%middles, %step)
  %shifted = aten::sub(%scaled, %half, %unit)
)";
constexpr char kAlignedPositions[] = R"(  %shifted = aten::mul(%frames, %step)
)";
constexpr char kEnd[] = R"(  %clamped = aten::clamp(%shifted, %zero, %none)
  %sizes = prim::ListConstruct(%count)
  %positions = aten::reshape(%clamped, %sizes)
  %before = aten::to(%positions, %long, %false, %false, %none)
  %next = aten::add(%before, %unit, %unit)
  %after = aten::clamp(%next, %none, %last)
  %before_list = prim::ListConstruct(%none, %none, %before)
  %after_list = prim::ListConstruct(%none, %none, %after)
  %a = aten::index(%x, %before_list)
  %b = aten::index(%x, %after_list)
  %rest = aten::sub(%positions, %before, %unit)
  %fraction = aten::clamp(%rest, %zero, %one)
  %difference = aten::sub(%b, %a, %unit)
  %part = aten::mul(%difference, %fraction)
  %y = aten::add(%a, %part, %unit)
  return (%y))";

struct Pattern {
  explicit Pattern(const std::string& text) { jit::parseIR(text, &graph, values); }
  jit::Value* find(const jit::Match& match, const char* name) const {
    return match.values_map.at(values.at(name));
  }

  jit::Graph graph;
  std::unordered_map<std::string, jit::Value*> values;  // by name
};

// Returns the value of a constant; NaN for other values.
double number_of(const jit::Value* value) {
  const auto constant = jit::toIValue(value);
  const bool is_number = constant && (constant->isInt() || constant->isDouble());
  return is_number ? constant->toScalar().toDouble() : std::numeric_limits<double>::quiet_NaN();
}

bool selects_positions(jit::Graph& graph) {
  bool has_index = false;
  visit_nodes(graph.block(),
              [&](const jit::Node* node) { has_index |= node->kind() == jit::aten::index; });
  return has_index;
}

// Returns the integer that is converted to a float, or the value itself.
const jit::Value* unconverted(const jit::Value* value) {
  return value->node()->kind() == jit::aten::Float ? value->node()->input(0) : value;
}

// Returns true if `value` is `whole` - 1, as an integer or as a float.
bool is_one_less(const jit::Value* value, const jit::Value* whole) {
  const jit::Node* difference = value->node();
  return difference->kind() == jit::aten::sub && number_of(difference->input(1)) == 1 &&
         unconverted(difference->input(0)) == whole;
}

// Returns true if `step` is the number of frames, one more than `last`, divided by `count`.
// `is_aligned`: if it is `last` divided by `count` - 1.
bool is_ratio(const jit::Value* step, const jit::Value* last, const jit::Value* count,
              bool is_aligned) {
  const jit::Node *division = step->node(), *difference = last->node();
  if (division->kind() != jit::aten::div || difference->kind() != jit::aten::sub) return false;
  const jit::Value* frames = difference->input(0);
  if (!is_one_less(last, frames)) return false;
  if (is_aligned)
    return is_one_less(division->input(0), frames) && is_one_less(division->input(1), count);
  return unconverted(division->input(0)) == frames && unconverted(division->input(1)) == count;
}

// Returns the replacement of an interpolation that gets its scale factor or, if it is none, its
// output size alone.
jit::Value* insert_upsampling(jit::Graph& graph, const Pattern& pattern, const jit::Match& match,
                              bool is_aligned, const IValue& scale) {
  jit::Value* y = pattern.find(match, "y");
  const jit::WithInsertPoint before(y->node());
  jit::Node* sizes =
      graph.insertNode(graph.createList(c10::IntType::get(), {pattern.find(match, "count")}));
  jit::Value* upsampled = graph.insert(
      jit::aten::upsample_linear1d, {pattern.find(match, "x"), sizes->output(), is_aligned, scale});
  upsampled->node()->copyMetadata(y->node());
  return upsampled;
}

// Replaces interpolations from the last one to the first one, whose result may be the input of a
// later one.
void replace_interpolations(jit::Graph& graph, const Pattern& pattern, bool is_aligned) {
  auto matches = jit::findPatternMatches(pattern.graph, graph);
  std::reverse(matches.begin(), matches.end());
  for (const jit::Match& match : matches) {
    const auto is = [&](const char* name, double number) {
      return number_of(pattern.find(match, name)) == number;
    };
    if (!is("unit", 1) || !is("zero", 0) || !is("one", 1) || !is("start", 0) ||
        !(is_aligned || is("half", 0.5)))
      continue;
    const jit::Value *step = pattern.find(match, "step"), *last = pattern.find(match, "last"),
                     *count = pattern.find(match, "count");
    const bool has_scale = !is_aligned && number_of(step) > 0;
    if (!has_scale && !is_ratio(step, last, count, is_aligned)) continue;
    const IValue scale = has_scale ? IValue(1 / number_of(step)) : IValue();
    pattern.find(match, "y")
        ->replaceAllUsesWith(insert_upsampling(graph, pattern, match, is_aligned, scale));
  }
}

void replace_interpolations(const std::shared_ptr<jit::Graph>& graph) {
  if (!selects_positions(*graph)) return;
  static const Pattern& plain = *new Pattern(std::string(kBegin) + kPositions + kEnd);
  static const Pattern& aligned = *new Pattern(std::string(kBegin) + kAlignedPositions + kEnd);
  jit::ConstantPooling(graph);
  replace_interpolations(*graph, plain, /*is_aligned=*/false);
  replace_interpolations(*graph, aligned, /*is_aligned=*/true);
  jit::EliminateDeadCode(graph);
}

}  // namespace

std::shared_ptr<jit::Graph> with_functional_forms(jit::Graph& graph) {
  auto copy = graph.copy();
  replace_nodes(*copy, replace_outs);
  replace_nodes(*copy, replace_unread);
  replace_interpolations(copy);
  return copy;
}

}  // namespace torchstreamer::graph
