#include "graph/evaluate/in_place.h"

#include <algorithm>
#include <set>

#include "graph/plan/operation.h"
#include "graph/plan/symbolic.h"
#include "graph/rules/attention.h"
#include "graph/rules/table.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

template <class T>
bool writes(const Call& write) {
  return std::any_of(write.args.begin() + 1, write.args.end(),
                     [](const Value& arg) { return arg.find<T>() != nullptr; });
}

// Converts `symbol`, the target of a write of a stream, to a stream.
Value grown(const Call& write, const SymbolPtr& symbol) {
  try {
    return write.as_stream(symbol, streams_of(write)[0]);
  } catch (const Refusal& e) {
    write.refuse("its target has other frames than the signal that is written (" + e.reason() +
                 "); put signals together with torch.stack() and flatten(), or torch.cat()");
  }
}

// Constants are tensors. Those that share memory are all changed by the write itself.
void write_constant(const Call& write, GraphValue root) {
  if (writes<SymbolPtr>(write))
    write.refuse("it writes a value that depends on the length of the signal to a constant");
  const Node* maker = root->node();
  if (!maker->kind().is_aten() || maker->kind().toUnqualString()[0] == '_')
    write.refuse("it writes to a constant of the model");
  run(write, 0);
}

}  // namespace

ViewCall InPlace::call_of(const View& view) const {
  std::vector<Value> args;
  for (const auto* input : view.node->inputs()) args.push_back(values_.at(input));
  args[0] = values_.at(aliases_.named(view.base));
  return {operators_.call(view.node, std::move(args)), view.index};
}

// Sets a value and recomputes its views.
void InPlace::set(GraphValue root, Value value) {
  values_[root] = std::move(value);
  std::set<GraphValue> changed = {root};
  for (const View& view : aliases_.views()) {
    if (!changed.count(aliases_.named(view.base))) continue;
    changed.insert(view.value);
    try {
      const auto results = operators_.compute(view.node, call_of(view).call.args);
      const ListPtr* list = results[0].list();
      values_[view.value] = list ? (**list).at(view.index) : results.at(view.index);
    } catch (const Refusal& e) {
      values_[view.value] = Poison{e};
    }
  }
  for (const auto& [name, of] : aliases_.names())
    if (changed.count(aliases_.named(of))) values_[name] = values_.at(aliases_.named(of));
}

// Returns the value of the root after the write.
Value InPlace::written(const Call& write, const Aliases::Path& path) const {
  Value value = values_.at(path.root);
  if (value.poison()) throw value.poison()->refusal;
  const bool writes_stream = writes<Stream>(write);
  if (value.symbol() && writes_stream) value = grown(write, *value.symbol());
  if (value.scores()) {  // each block is recomputed and may therefore be written to
    if (!path.views.empty()) write.refuse("it writes to a part of the scores of attention");
    return attention_scores(write).at(0);
  }
  std::vector<ViewCall> views;
  for (const View& view : path.views) views.push_back(call_of(view));
  if (const Stream* stream = value.stream()) return written_stream(write, views, *stream);
  if (writes_stream) write.refuse("its target does not grow with the signal that it writes");
  if (const SymbolPtr* symbol = value.symbol()) return written_symbol(write, views, *symbol);
  write_constant(write, path.root);
  return value;
}

Value InPlace::written_or_poison(const Call& write, const Aliases::Path& path) const {
  try {
    return written(write, path);
  } catch (const Refusal& e) {
    return Poison{e};
  } catch (const std::exception& e) {
    return Poison{refusal(write.node, reason_of(e))};
  }
}

std::vector<Value> InPlace::write(Node* node, const std::vector<Value>& args) {
  const Aliases::Path path = aliases_.path_to(node->input(0));
  aliases_.add_name(node->output(0), node->input(0));
  const Node* maker = path.root->node();
  if (maker->kind() == torch::jit::prim::GetAttr && values_.at(path.root).is_constant()) {
    const std::string& buffer = maker->s(torch::jit::attr::name);
    // BatchNorm counts batches in training mode. Its rule refuses that with a better reason.
    if (buffer == "num_batches_tracked") return {args[0]};
    throw refusal(node, "the model changes its own buffer '" + buffer + "' in place");
  }
  for (size_t i = 1; i < args.size(); ++i)
    if (const Poison* poison = args[i].find<Poison>()) {
      set(path.root, *poison);
      return {Value(*poison)};
    }
  const Call call = operators_.call(node, args);
  const std::string name = functional_name(node);
  if (name.find("dropout") != std::string::npos) return find_rule(name)(call);
  set(path.root, written_or_poison(call, path));
  return {values_.at(aliases_.named(node->input(0)))};
}

}  // namespace torchstreamer::graph
