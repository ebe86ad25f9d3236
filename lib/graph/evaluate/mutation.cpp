// Values that are written in place: what shares their memory changes with them.
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <limits>
#include <set>

#include "graph/lowering/lowering.h"
#include "graph/plan/operation.h"
#include "graph/plan/planner.h"
#include "graph/rules/rules.h"
#include "streams/pointwise.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

namespace prim = torch::jit::prim;

bool is_view(const Node* node) {
  static const std::set<std::string> names = {
      "aten::select",    "aten::slice",        "aten::narrow",    "aten::view",
      "aten::reshape",   "aten::view_as",      "aten::transpose", "aten::permute",
      "aten::unsqueeze", "aten::squeeze",      "aten::expand",    "aten::t",
      "aten::flatten",   "aten::unflatten",    "aten::movedim",   "aten::expand_as",
      "aten::swapaxes",  "aten::tensor_split", "aten::chunk",     "aten::split",
      "aten::unbind"};
  return names.count(node->kind().toQualString()) > 0;
}

// What returns its argument itself, for all that a model does with it.
bool is_same(const Node* node) {
  static const std::set<std::string> names = {"aten::detach", "aten::contiguous", "aten::dropout",
                                              "aten::alias"};
  return names.count(node->kind().toQualString()) > 0;
}

// The operator that does the same, but to a copy.
std::string functional_name(const Node* node) {
  std::string name = node->kind().toQualString();
  name.pop_back();
  return name;
}

}  // namespace

bool writes_in_place(const Node* node) {
  const auto* schema = node->maybeSchema();
  if (!schema || !schema->is_mutable() || schema->arguments().empty()) return false;
  const auto* alias = schema->arguments()[0].alias_info();
  return alias && alias->isWrite() && node->input(0)->type()->isSubtypeOf(*c10::TensorType::get());
}

void Planner::note_view(Node* node) {
  if (node->outputs().empty()) return;
  if (is_same(node)) {
    same_as_[node->output(0)] = node->input(0);
  } else if (node->kind() == prim::ListUnpack && is_view(node->input(0)->node())) {
    Node* cut = node->input(0)->node();
    for (size_t i = 0; i < node->outputs().size(); ++i)
      views_.push_back({cut->input(0), cut, i, node->output(i)});
  } else if (is_view(node)) {
    views_.push_back({node->input(0), node, 0, node->output(0)});
  }
}

// The value whose other name this is.
Planner::GraphValue Planner::owner(GraphValue value) const {
  for (auto it = same_as_.find(value); it != same_as_.end(); it = same_as_.find(value))
    value = it->second;
  return value;
}

// The views that lead to `value`, the outermost first; `value` becomes their root.
std::vector<Planner::View> Planner::views_to(GraphValue& value) const {
  std::vector<View> chain;
  value = owner(value);
  for (;;) {
    // In a loop the same node makes a new view each time: the last one counts.
    const auto view = std::find_if(views_.rbegin(), views_.rend(),
                                   [&](const View& v) { return v.value == value; });
    if (view == views_.rend()) break;
    chain.insert(chain.begin(), *view);
    value = owner(view->base);
  }
  return chain;
}

std::vector<Value> Planner::view_args(const View& view) const {
  std::vector<Value> args;
  for (const auto* input : view.node->inputs()) args.push_back(values_.at(input));
  args[0] = values_.at(owner(view.base));
  return args;
}

void Planner::refresh_views(GraphValue root) {
  std::set<GraphValue> changed = {root};
  for (const View& view : std::vector<View>(views_)) {
    if (!changed.count(owner(view.base))) continue;
    changed.insert(view.value);
    try {
      const auto results = compute(view.node, view_args(view));
      const ListPtr* list = results[0].list();
      values_[view.value] = list ? (**list).at(view.index) : results.at(view.index);
    } catch (const Refusal& e) {
      values_[view.value] = Poison{e};
    }
  }
  for (const auto& [name, value] : same_as_)
    if (changed.count(owner(value))) values_[name] = values_.at(owner(value));
}

Value Planner::grown(Node* node, const std::vector<Value>& args, const SymbolPtr& symbol) {
  try {
    return promoted(symbol, streams_of(Call(*this, node, args))[0], node);
  } catch (const Refusal& e) {
    throw refusal(node, "what it writes to has not the frames of what is written (" + e.reason() +
                            "); put signals together with torch.stack() and flatten(), or "
                            "torch.cat()");
  }
}

Value Planner::written(Node* node, const std::vector<Value>& args, const std::vector<View>& chain,
                       GraphValue root, Value value) {
  const auto writes = [&](auto is_kind) {
    return std::any_of(args.begin() + 1, args.end(), is_kind);
  };
  const bool adds_stream = writes([](const Value& arg) { return arg.find<Stream>() != nullptr; });
  if (value.symbol() && adds_stream) value = grown(node, args, *value.symbol());
  if (value.scores()) {  // each block is computed anew and so may be written to
    if (!chain.empty()) throw refusal(node, "it writes to a part of the scores of attention");
    return attention_scores(Call(*this, node, args)).at(0);
  }
  if (const Stream* stream = value.stream()) return written_stream(node, args, chain, *stream);
  if (adds_stream) throw refusal(node, "what it writes to does not grow with the signal");
  if (const SymbolPtr* symbol = value.symbol()) return written_symbol(node, args, chain, *symbol);
  if (writes([](const Value& arg) { return arg.find<SymbolPtr>() != nullptr; }))
    throw refusal(node, "it writes what depends on the length of the signal to a constant");
  const Node* maker = root->node();
  if (!maker->kind().is_aten() || maker->kind().toUnqualString()[0] == '_')
    throw refusal(node, "it writes to a constant of the model");
  run(node, args, 0);  // constants are tensors that really share their memory
  return value;
}

std::vector<Value> Planner::write(Node* node, const std::vector<Value>& args) {
  GraphValue root = node->input(0);
  const auto chain = views_to(root);
  same_as_[node->output(0)] = node->input(0);
  const std::string name = functional_name(node);
  const Node* maker = root->node();
  if (maker->kind() == prim::GetAttr && values_.at(root).is_constant()) {
    // BatchNorm counts batches in training mode only: then its own rule refuses it, with more
    // reason.
    if (maker->s(torch::jit::attr::name) == "num_batches_tracked") return {args[0]};
    throw refusal(node, "the model changes its own buffer '" + maker->s(torch::jit::attr::name) +
                            "' in place");
  }
  for (size_t i = 1; i < args.size(); ++i)
    if (const Poison* poison = args[i].find<Poison>()) {
      values_[root] = *poison;
      refresh_views(root);
      return {Value(*poison)};
    }
  if (name.find("dropout") != std::string::npos) return find_rule(name)(Call(*this, node, args));

  Value value = values_.at(root);
  try {
    if (value.poison()) throw value.poison()->refusal;
    value = written(node, args, chain, root, value);
  } catch (const Refusal& e) {
    value = Poison{e};
  } catch (const std::exception& e) {
    value = Poison{refusal(node, reason_of(e))};
  }
  values_[root] = value;
  refresh_views(root);
  return {values_.at(owner(node->input(0)))};
}

namespace {

// The tensor that a view of `whole` is, at one length of the signal or, where it does not depend on
// it, at any.
Tensor viewed(const Node* node, const std::vector<Value>& args, size_t index, const Tensor& whole,
              int64_t source_frames) {
  torch::jit::Stack stack = {whole};
  for (size_t i = 1; i < args.size(); ++i)
    stack.push_back(value_at(args[i], node->input(i)->type(), source_frames, nullptr));
  node->getOperation()(stack);
  return stack[0].isTensor() ? stack[0].toTensor() : stack[0].toTensorVector().at(index);
}

}  // namespace

Value Planner::written_symbol(Node* node, const std::vector<Value>& args,
                              const std::vector<View>& chain, const SymbolPtr& root) const {
  std::vector<std::vector<Value>> view_args_of;
  for (const View& view : chain) view_args_of.push_back(view_args(view));
  auto symbol = std::make_shared<Symbol>([=](int64_t n) {
    const Tensor whole = root->at(n).toTensor().clone();
    Tensor part = whole;
    for (size_t v = 0; v < chain.size(); ++v)
      part = viewed(chain[v].node, view_args_of[v], chain[v].index, part, n);
    viewed(node, args, 0, part, n);
    return IValue(whole);
  });
  symbol->is_heavy = root->is_heavy;
  return Value(symbol);
}

namespace {

// The frames that a slice or a selected frame of time covers: [start, end).
struct Region {
  int64_t start = 0;
  int64_t end = std::numeric_limits<int64_t>::max();
  bool is_frame = false;  // select(): the time axis is gone
};

Region region_of(const Call& view) {
  const std::string name = view.node->kind().toUnqualString();
  auto position = [&](size_t i, int64_t otherwise) {
    const IValue at = view.constant(i);
    if (!at.isNone() && at.toInt() < 0)
      view.refuse("it writes to frames that are known only at the end of the signal");
    return at.isNone() ? otherwise : at.toInt();
  };
  Region region;
  if (name == "select") {
    region.start = position(2, 0);
    region.end = region.start + 1;
    region.is_frame = true;
  } else if (name == "slice" && view.integer(4) == 1) {
    region.start = position(2, 0);
    region.end = position(3, region.end);
  } else if (name == "narrow") {
    region.start = position(2, 0);
    region.end = region.start + view.integer(3);
  } else {
    view.refuse("it writes to some of the frames in time");
  }
  return region;
}

}  // namespace

// The whole stream in whose frames something is written: each push copies its frames, goes through
// the views and writes.
Value Planner::written_stream(Node* node, const std::vector<Value>& args,
                              const std::vector<View>& chain, const Stream& root) {
  std::vector<std::pair<Operation, size_t>> views;  // and which output of each
  std::optional<Region> region;
  Stream at = root;
  for (const View& view : chain) {
    Call call(*this, view.node, view_args(view));
    call.args[0] = Value(at);
    const std::string name = view.node->kind().toUnqualString();
    const bool is_cut = name == "select" || name == "slice" || name == "narrow";
    const int64_t rank = static_cast<int64_t>(at.shape.size());
    if (is_cut && (call.integer(1) + rank) % rank == at.axis) {
      if (region) call.refuse("it writes to a slice of a slice in time");
      region = region_of(call);
      if (region->is_frame) {
        if (&view != &chain.back()) call.refuse("it writes to a view of one frame");
      }
      continue;
    }
    if (settle(call).block != 1) call.refuse("it writes to blocks of frames");
    views.emplace_back(Operation(call), view.index);
    at = probed_outputs(call, views.back().first, {at}).at(view.index).stream;
  }

  Call call(*this, node, args);
  call.args[0] = Value(at);
  std::vector<Stream> inputs = settle(call).inputs;
  if (region && inputs.size() > 1)
    call.refuse(
        "it writes frames of the signal to some of the frames in time; put them together "
        "with torch.cat() or F.pad()");
  inputs[0] = root;
  const Operation write(call);
  auto rule = [=](const Tensors& frames, int64_t first) {
    const Tensor whole = as_in_model(frames[0], root).contiguous().clone();
    Tensor part = whole;
    if (region) {
      const int64_t n = frames[0].size(0);
      const int64_t from = std::clamp<int64_t>(region->start - first, 0, n);
      const int64_t to = std::clamp<int64_t>(region->end - first, 0, n);
      if (from >= to) return frames[0];
      part = whole.narrow(root.axis, from, to - from);
    }
    for (const auto& [view, index] : views) part = view({part}).at(index);
    if (region && region->is_frame) part = part.select(at.axis, 0);
    Tensors in = {part};
    for (size_t i = 1; i < inputs.size(); ++i) in.push_back(as_in_model(frames[i], inputs[i]));
    write(in);
    return whole.movedim(root.axis, 0);
  };
  if (region)
    return Value(add(node, indexed_layer(rule, node->kind().toUnqualString()), inputs, root));
  std::vector<Format> formats;
  for (const Stream& s : inputs) formats.push_back(format(s));
  auto anywhere = [rule](const Tensors& frames) { return rule(frames, 0); };
  prove_pointwise(anywhere, formats);
  const Arithmetic arithmetic =
      views.empty() ? arithmetic_of(call, {inputs, formats, anywhere, root, 1, 1}) : Arithmetic();
  return Value(add(node, pointwise_layer(anywhere, node->kind().toUnqualString(), 1, 1, arithmetic),
                   inputs, root));
}

}  // namespace torchstreamer::graph
