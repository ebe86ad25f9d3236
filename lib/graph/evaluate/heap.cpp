#include "graph/evaluate/heap.h"

#include <algorithm>
#include <set>

#include "graph/evaluate/padded.h"
#include "graph/evaluate/written.h"
#include "graph/plan/operation.h"
#include "graph/rules/attention.h"
#include "graph/rules/table.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

using Names = std::set<std::string>;

bool is_view(const Node* node) {
  static const Names names = {
      "aten::select",    "aten::slice",        "aten::narrow",     "aten::view",
      "aten::reshape",   "aten::view_as",      "aten::transpose",  "aten::permute",
      "aten::unsqueeze", "aten::squeeze",      "aten::expand",     "aten::t",
      "aten::flatten",   "aten::unflatten",    "aten::movedim",    "aten::expand_as",
      "aten::swapaxes",  "aten::tensor_split", "aten::chunk",      "aten::split",
      "aten::unbind",    "aten::atleast_1d",   "aten::atleast_2d", "aten::atleast_3d"};
  return names.count(operator_name(node)) > 0;
}

// Returns true for operators that return their argument itself in eval mode.
bool is_same(const Node* node) {
  static const Names names = {"aten::detach",        "aten::contiguous",
                              "aten::dropout",       "aten::feature_dropout",
                              "aten::alpha_dropout", "aten::feature_alpha_dropout",
                              "aten::alias",         "prim::data"};
  return names.count(operator_name(node)) > 0;
}

// Returns true for type_as() of two streams of one type, which returns its argument.
bool is_of_same_type(const Node* node, const std::vector<Value>& args) {
  return operator_name(node) == "aten::type_as" && args[0].stream() && args[1].stream() &&
         args[0].stream()->dtype == args[1].stream()->dtype;
}

// Returns true for operators that give a tensor other axes in place.
bool changes_shape(const Node* node) {
  static const Names names = {"aten::transpose_",  "aten::t_",        "aten::squeeze_",
                              "aten::unsqueeze_",  "aten::swapaxes_", "aten::swapdims_",
                              "aten::as_strided_", "aten::resize_",   "aten::resize_as_",
                              "aten::set_"};
  return names.count(operator_name(node)) > 0;
}

Refusal refusal_of_axes(const Node* node) {
  const std::string name = node->kind().toUnqualString();
  return refusal(node, "it changes the axes of a tensor in place, also for its other names; use " +
                           name.substr(0, name.size() - 1) + "()");
}

bool writes_in_place(const Node* node) {
  const auto* schema = node->maybeSchema();
  if (!schema || !schema->is_mutable() || schema->arguments().empty()) return false;
  const auto* alias = schema->arguments()[0].alias_info();
  return alias && alias->isWrite() && node->input(0)->type()->isSubtypeOf(*c10::TensorType::get());
}

// Returns true for an operator that writes to an argument other than the first.
bool writes_elsewhere(const Node* node) {
  const auto* schema = node->maybeSchema();
  if (!schema || !schema->is_mutable()) return false;
  const auto& arguments = schema->arguments();
  return std::any_of(arguments.begin() + 1, arguments.end(), [](const c10::Argument& argument) {
    return argument.alias_info() && argument.alias_info()->isWrite();
  });
}

// A tensor of its own, and the views that lead from it to one of its parts, outermost first.
struct Parts {
  Memory& whole;
  std::vector<const View*> views;
};

Parts parts_of(Memory& memory) {
  std::vector<const View*> views;
  Memory* whole = &memory;
  for (; whole->view; whole = whole->view->whole.get()) views.push_back(&*whole->view);
  std::reverse(views.begin(), views.end());
  return {*whole, std::move(views)};
}

// Returns the content of a view. `result`: result of its operator.
Value content_of_view(const Value& result, const View& view) {
  const bool is_list = view.node->output(0)->type()->cast<c10::ListType>() != nullptr;
  return is_list ? item_of(result, view.index) : result;
}

// Splits a list or tuple that depends on the length of the signal into its items, if their number
// is fixed.
Value itemised(const Call& call, const SymbolPtr& list) {
  const auto count_of = [list](int64_t n) {
    const IValue items = list->at(n);
    return IValue(static_cast<int64_t>(items.isTuple() ? items.toTupleRef().elements().size()
                                                       : items.toList().size()));
  };
  auto count = std::make_shared<Symbol>(count_of);
  count->is_heavy = list->is_heavy;
  const Value fixed = call.lengths.folded(count, call.node);
  if (!fixed.constant()) return Value(list);
  auto items = std::make_shared<std::vector<Value>>();
  for (int64_t i = 0; i < fixed.constant()->toInt(); ++i)
    items->push_back(call.lengths.folded(*item_of(Value(list), i).symbol(), call.node));
  return Value(items);
}

bool holds_items(const c10::TypePtr& type) {
  return type->cast<c10::ListType>() || type->cast<c10::TupleType>();
}

// Connects the result of a view, or each item of the result, with the memory of `view.whole`.
void connect(const Object& result, View view) {
  if (const ItemsPtr* items = result.items())
    for (const Object& item : **items) {
      connect(item, view);
      ++view.index;
    }
  if (const MemoryPtr* memory = result.memory()) {
    (*memory)->seen_writes = parts_of(*view.whole).whole.writes;
    (*memory)->view = std::move(view);
  }
}

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
    write.refuse("it writes a signal into a tensor with a different number of frames (" +
                 e.reason() +
                 "); combine signals with torch.stack() and flatten(), or torch.cat()");
  }
}

// Returns the content of a tensor after a write to the part that `views` lead to.
Value written(const Call& write, const std::vector<ViewCall>& views, Value whole) {
  if (whole.poison()) throw whole.poison()->refusal;
  for (const Value& arg : write.args)
    if (const Poison* poison = arg.find<Poison>()) throw poison->refusal;
  const bool writes_stream = writes<Stream>(write);
  if (whole.symbol() && writes_stream) {
    if (const auto padded = padded_by_write(write, views, *whole.symbol())) return *padded;
    whole = grown(write, *whole.symbol());
  }
  if (whole.scores()) {  // each block is recomputed and may therefore be written to
    if (!views.empty()) write.refuse("it writes to a part of the scores of attention");
    return attention_scores(write).at(0);
  }
  if (const Stream* stream = whole.stream()) return written_stream(write, views, *stream);
  if (writes_stream) write.refuse("its target does not grow with the signal that it writes");
  return written_value(write, views, whole);
}

Value written_or_poison(const Call& write, const std::vector<ViewCall>& views, const Value& whole) {
  try {
    return written(write, views, whole);
  } catch (const Refusal& e) {
    return Poison{e};
  } catch (const std::exception& e) {
    return Poison{refusal(write.node, reason_of(e))};
  }
}

}  // namespace

Value Heap::content(const Object& object) const {
  if (const Value* value = object.value()) return *value;
  if (const MemoryPtr* memory = object.memory()) return content(**memory);
  if (const ItemsPtr* items = object.items())
    return Value(std::make_shared<std::vector<Value>>(contents(**items)));
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, item] : (*object.entries())->all)
    dict->items.emplace_back(key, content(item));
  return Value(dict);
}

std::vector<Value> Heap::contents(const std::vector<Object>& objects) const {
  std::vector<Value> values;
  for (const Object& object : objects) values.push_back(content(object));
  return values;
}

const Value& Heap::content(Memory& memory) const {
  if (!memory.view) return memory.content;
  const int64_t writes = parts_of(memory).whole.writes;
  if (memory.seen_writes == writes) return memory.content;
  memory.seen_writes = writes;
  const View& view = *memory.view;
  std::vector<Value> args = view.args;
  args[0] = content(*view.whole);
  try {
    memory.content = content_of_view(operators_.compute(view.node, args).at(0), view);
  } catch (const Refusal& e) {
    memory.content = Poison{e};
  }
  return memory.content;
}

std::vector<Object> Heap::compute(Node* node, const std::vector<Object>& operands) const {
  std::vector<Value> args = contents(operands);
  if (writes_in_place(node)) return {write(node, operands, std::move(args))};
  if (writes_elsewhere(node)) throw refusal(node, "it writes its result to an argument");
  const auto values = operators_.compute(node, args);
  if ((is_same(node) || is_of_same_type(node, args)) && operands[0].memory()) return {operands[0]};
  std::vector<Object> results;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto& type = node->output(i)->type();
    const SymbolPtr* symbol = values[i].symbol();
    results.push_back(object_of(
        symbol && holds_items(type) ? itemised(operators_.call(node, args), *symbol) : values[i],
        type));
  }
  if (is_view(node) && operands[0].memory())
    connect(results.at(0), {*operands[0].memory(), node, std::move(args), 0});
  return results;
}

Object Heap::write(Node* node, const std::vector<Object>& operands, std::vector<Value> args) const {
  if (!operands[0].memory()) throw refusal(node, "the tensor that it writes to is not known");
  const Call call = operators_.call(node, std::move(args));
  const std::string name = operator_name(node);
  const std::string functional = name.substr(0, name.size() - 1);  // without the underscore
  if (functional.find("dropout") != std::string::npos) {
    find_rule(functional)(call);  // refuses in training mode
    return operands[0];
  }
  const Parts parts = parts_of(**operands[0].memory());
  std::vector<ViewCall> views;
  for (const View* view : parts.views)
    views.push_back({operators_.call(view->node, view->args), view->index});
  Memory& whole = parts.whole;
  whole.content = changes_shape(node) ? Poison{refusal_of_axes(node)}
                                      : written_or_poison(call, views, whole.content);
  ++whole.writes;
  return operands[0];
}

}  // namespace torchstreamer::graph
