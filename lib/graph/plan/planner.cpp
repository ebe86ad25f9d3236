#include "graph/plan/planner.h"

#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <set>

#include "graph/plan/formula.h"
#include "graph/rules/rules.h"
#include "streams/pointwise.h"

namespace torchstreamer::graph {
namespace {

namespace prim = torch::jit::prim;
namespace attr = torch::jit::attr;

std::string operator_name(const Node* node) { return node->kind().toQualString(); }

// Values that a tensor has without its samples; those of the first kind whatever its length.
bool asks_for_format(const std::string& name) {
  static const std::set<std::string> names = {"aten::dim",        "aten::is_floating_point",
                                              "aten::is_complex", "prim::dtype",
                                              "prim::device",     "prim::layout",
                                              "prim::is_cuda",    "aten::is_cuda",
                                              "aten::__is__",     "aten::__isnot__",
                                              "prim::is_nested"};
  return names.count(name) > 0;
}

// Asked by transformer layers before they take a fused path that cannot be followed: with gradients
// they take the other one.
bool asks_for_gradients(const std::string& name) {
  return name == "aten::is_grad_enabled" || name == "prim::requires_grad";
}
bool asks_for_length(const std::string& name) {
  static const std::set<std::string> names = {"aten::len",       "aten::numel",    "aten::stride",
                                              "aten::new_zeros", "aten::new_ones", "aten::new_full",
                                              "aten::new_empty"};
  return names.count(name) > 0;
}

// A tensor that takes no more than type and device from a stream.
bool is_made_like(const std::string& name, const std::vector<Value>& args) {
  return (name == "aten::type_as" || name == "aten::to") && !args[0].find<Stream>();
}

bool makes_tensors(const Node* node) {
  for (const auto* output : node->outputs()) {
    const auto& type = output->type();
    if (type->isSubtypeOf(*c10::TensorType::get())) return true;
    const auto list = type->cast<c10::ListType>();
    if (list && list->getElementType()->isSubtypeOf(*c10::TensorType::get())) return true;
  }
  return false;
}

}  // namespace

Stream Call::stream(size_t i) const {
  if (const Stream* stream = args.at(i).stream()) return *stream;
  refuse(c10::str("its argument ", i, " must be computed from the signal"));
}

IValue Call::constant(size_t i) const {
  if (const IValue* value = args.at(i).constant()) return *value;
  if (args[i].find<Stream>()) refuse(c10::str("its argument ", i, " is computed from the signal"));
  if (args[i].find<SymbolPtr>())
    refuse(c10::str("its argument ", i, " depends on the length of the signal"));
  return value_at(args[i], node->input(i)->type(), 0, nullptr);
}

Tensor Call::tensor(size_t i) const {
  const IValue value = constant(i);
  return value.isNone() ? Tensor() : value.toTensor();
}

Planner::Planner(std::shared_ptr<torch::jit::Graph> graph, IValue module,
                 std::vector<int64_t> input, at::ScalarType dtype, at::Device device,
                 Padding padding, Execution execution, OfflineRule offline)
    : graph_(std::move(graph)),
      padding_(padding),
      execution_(execution),
      device_(device),
      offline_(std::move(offline)) {
  const auto inputs = graph_->inputs();
  const auto forward = module.toObject()->type()->getMethod("forward").getSchema().arguments();
  if (inputs.size() < 2) throw Error("forward() takes no signal");
  for (size_t i = 2; i < inputs.size(); ++i) {
    if (!forward[i].default_value())
      throw Error(c10::str("forward() needs its argument '", forward[i].name(),
                           "'; a stream has one input, the signal"));
    values_.emplace(inputs[i], Value(*forward[i].default_value()));
  }
  values_.emplace(inputs[0], Value(std::move(module)));
  // The public signal is [C, T]; the first process gives it the shape that forward() takes.
  const int axis = static_cast<int>(input.size()) - 1;
  const Stream source{Network::kSource, input, axis, dtype, 0};
  std::vector<int64_t> frame(input.begin(), input.end() - 1);
  taken_ = {dtype, device, {input.size() > 1 ? input.end()[-2] : 1}};
  values_.emplace(inputs[1], Value(add(nullptr, input_layer(taken_, frame), {source}, source)));
}

std::shared_ptr<const PlannedNetwork> Planner::plan(int output) {
  const auto outputs = block(graph_->block());
  if (outputs.size() != 1) throw Error("forward() returns nothing");
  return finished(outputs[0], output);
}

namespace {

// The tensors among what forward() returns, in the order of its tuples and lists.
void collect_outputs(const Value& value, const std::vector<int64_t>& lengths,
                     std::vector<Value>& tensors) {
  if (const ListPtr* items = value.list())
    for (const Value& item : **items) collect_outputs(item, lengths, tensors);
  else if (const DictPtr* dict = value.dict())
    for (const auto& [key, item] : (*dict)->items) collect_outputs(item, lengths, tensors);
  else if (const SymbolPtr* symbol = value.symbol(); symbol && !(*symbol)->is_heavy) {
    if ((*symbol)->at(lengths[0]).isTensor()) tensors.push_back(value);
  } else if (!value.is_constant() || value.constant()->isTensor()) {
    tensors.push_back(value);
  }
}

// What the last node does not need is left out.
std::vector<Network::Node> needed(std::vector<Network::Node> nodes) {
  std::vector<int> index(nodes.size(), -1);
  index.back() = 0;
  for (size_t n = nodes.size(); n-- > 0;)
    for (const int i : nodes[n].inputs)
      if (index[n] == 0 && i != Network::kSource) index[i] = 0;
  std::vector<Network::Node> kept;
  for (size_t n = 0; n < nodes.size(); ++n) {
    if (index[n] < 0) continue;
    index[n] = static_cast<int>(kept.size());
    for (int& i : nodes[n].inputs)
      if (i != Network::kSource) i = index[i];
    kept.push_back(std::move(nodes[n]));
  }
  return kept;
}

}  // namespace

// Brings the model's output into the shape [frames, channels].
std::shared_ptr<const PlannedNetwork> Planner::finished(const Value& returned, int output) {
  const Node* node = graph_->outputs()[0]->node();
  std::vector<Value> tensors;
  collect_outputs(returned, lengths_, tensors);
  if (output < 0 || output >= static_cast<int>(tensors.size()))
    throw OptionError(c10::str("there is no output ", output, ": forward() returns ",
                               tensors.size(), tensors.size() == 1 ? " tensor" : " tensors",
                               ", counted from 0"));
  if (const Poison* poison = tensors[output].poison()) throw poison->refusal;
  const Stream* stream = tensors[output].stream();
  if (!stream) throw refusal(node, "what forward() returns is not computed from the signal");
  if (stream->axis != static_cast<int>(stream->shape.size()) - 1 || stream->shape.size() > 3 ||
      (stream->shape.size() == 3 && stream->shape[0] != 1))
    throw refusal(node, "forward() does not return [B, C, T], [C, T] or [T]");
  if (frames(*stream, lengths_[0]) == 0) throw refusal(node, "no frames come out");
  auto flatten = [](const Tensors& in) { return in[0].reshape({in[0].size(0), -1}); };
  const Stream end =
      add(nullptr, pointwise_layer(flatten, "output", 1, 1, Identity{}), {*stream}, *stream);
  auto nodes = needed({nodes_.begin(), nodes_.begin() + end.node + 1});
  const Counting counting(nodes);
  const int last = static_cast<int>(nodes.size()) - 1;
  const int64_t least = least_length([&](int64_t n) {
    return counting.of(last, {n, n, n}).total > 0;
  });
  return std::make_shared<PlannedNetwork>(
      std::move(nodes),
      std::make_shared<Guards>(guards_.empty() ? nullptr : shared_from_this(), guards_,
                               padding_ == Padding::kModel ? offline_ : nullptr, taken_, least),
      execution_);
}

Stream Planner::add(const Node* origin, LayerPtr layer, const std::vector<Stream>& inputs,
                    Stream like) {
  Network::Node node{std::move(layer), {}, {}};
  if (origin) node.label = {module_path(origin), operator_name(origin), source_line(origin)};
  std::vector<Format> formats;
  for (const Stream& input : inputs) {
    node.inputs.push_back(input.node);
    formats.push_back(format(input));
  }
  formats_.push_back(node.layer->accept(formats));
  for (const int64_t size : formats_.back().frame)
    if (size == 0 && origin) throw refusal(origin, "it leaves no channels");
  std::vector<int64_t> totals;
  for (const int64_t length : sampled_lengths()) {
    std::vector<Count> counts;
    for (const Stream& input : inputs) {
      const int64_t n = frames(input, length);
      counts.push_back({n, n, length});
    }
    totals.push_back(node.layer->timing().count(node.layer->join(counts)).total);
  }
  sampled_.push_back(std::move(totals));
  counting_.add(node);
  nodes_.push_back(std::move(node));
  like.node = static_cast<int>(nodes_.size()) - 1;
  return like;
}

int64_t Planner::frames(const Stream& stream, int64_t source_frames) const {
  if (stream.node == Network::kSource) return source_frames;
  const auto& lengths = sampled_lengths();
  const auto sample = std::lower_bound(lengths.begin(), lengths.end(), source_frames);
  if (sample != lengths.end() && *sample == source_frames)
    return sampled_[stream.node][sample - lengths.begin()];
  const Count source{source_frames, source_frames, source_frames};
  return counting_.of(stream.node, source).total;
}

Format Planner::format(const Stream& stream) const {
  if (stream.node != Network::kSource) return formats_[stream.node];
  return {stream.dtype, device_, {stream.shape.size() > 1 ? stream.shape.end()[-2] : 1}};
}

std::vector<Value> Planner::block(const torch::jit::Block* block) {
  for (Node* node : const_cast<torch::jit::Block*>(block)->nodes()) {
    const auto results = evaluate(node);
    for (const Value& result : results) is_poisoned_ |= result.poison() != nullptr;
    if (!is_poisoned_) ++progress_;
    for (size_t i = 0; i < results.size(); ++i) values_[node->output(i)] = results[i];
  }
  std::vector<Value> outputs;
  for (const auto* output : block->outputs()) outputs.push_back(values_.at(output));
  return outputs;
}

// What the graph's own nodes do; operators go to compute().
std::vector<Value> Planner::evaluate(Node* node) {
  const std::string name = operator_name(node);
  std::vector<Value> args;
  for (const auto* input : node->inputs()) args.push_back(values_.at(input));

  if (node->kind() == prim::Constant) return {Value(*torch::jit::toIValue(node->output()))};
  if (node->kind() == prim::GetAttr && args[0].constant())
    return {Value(args[0].constant()->toObject()->getAttr(node->s(attr::name)))};
  if (node->kind() == prim::SetAttr)
    throw refusal(node, "the model changes its own attribute '" + node->s(attr::name) + "'");
  if (node->kind() == prim::ListConstruct || node->kind() == prim::TupleConstruct)
    return {Value(std::make_shared<std::vector<Value>>(args))};
  if (node->kind() == prim::DictConstruct) {
    auto dict = std::make_shared<Dict>();
    for (size_t i = 0; i + 1 < args.size(); i += 2) {
      if (!args[i].constant()) throw refusal(node, "a key depends on the signal");
      dict->set(*args[i].constant(), args[i + 1]);
    }
    return {Value(dict)};
  }
  if (node->kind() == prim::ListUnpack || node->kind() == prim::TupleUnpack) {
    note_view(node);
    return unpack(node, args[0]);
  }
  if (node->kind() == prim::Uninitialized)
    return {Value(Poison{refusal(node, "a value that was never set")})};
  if (node->kind() == prim::If) return branch(node, args);
  if (node->kind() == prim::Loop) return loop(node, args);
  if (node->kind() == prim::RaiseException)
    throw refusal(node, "the model raises " + (args[0].constant() && args[0].constant()->isString()
                                                   ? args[0].constant()->toStringRef()
                                                   : std::string("an exception")));
  if (name == "prim::unchecked_cast" || name == "prim::unchecked_unwrap_optional" ||
      name == "aten::_unwrap_optional")
    return {args[0]};
  std::vector<Value> result;
  if (list_operation(node, args, result) || dict_operation(node, args, result)) return result;
  try {
    if (writes_in_place(node)) return write(node, args);
    note_view(node);
    return compute(node, args);
  } catch (const Refusal& e) {
    if (node->outputs().empty()) throw;
    return std::vector<Value>(node->outputs().size(), Value(Poison{e}));
  }
}

std::vector<Value> Planner::compute(Node* node, const std::vector<Value>& args) {
  const size_t outputs = node->outputs().size();
  bool has_stream = false, has_symbol = false, has_scores = false;
  for (const Value& arg : args) {
    if (const Poison* poison = arg.find<Poison>())
      return std::vector<Value>(outputs, Value(*poison));
    has_stream |= arg.find<Stream>() != nullptr;
    has_symbol |= arg.find<SymbolPtr>() != nullptr;
    has_scores |= arg.find<ScoresPtr>() != nullptr;
  }
  const std::string name = operator_name(node);
  const Rule rule = find_rule(name);  // rules know when their operator is random
  if (node->isNondeterministic() && !rule) throw refusal(node, "it is random");
  if (asks_for_gradients(name)) return {Value(IValue(true))};
  if (has_scores) {
    const bool asks = asks_for_format(name) || asks_for_length(name) || name == "aten::size";
    const Call call(*this, node, args);
    return asks ? shape_of_scores(call) : attention_scores(call);
  }
  if (!has_stream && !has_symbol) return run(node, args, 0);
  if (has_stream && name == "aten::size" && args[0].stream()) return size(node, args);
  if (!has_stream || asks_for_length(name) || is_made_like(name, args)) return symbolic(node, args);
  if (asks_for_format(name) && !has_symbol) return run(node, args, 1);
  if (rule) return rule(Call(*this, node, args));
  if (!node->kind().is_aten()) throw refusal(node, "this construct has no streaming rule");
  if (!makes_tensors(node))
    throw refusal(node,
                  "a value is taken from the samples of the signal; only its shape may steer "
                  "the model");
  return unknown(Call(*this, node, args));
}

}  // namespace torchstreamer::graph
