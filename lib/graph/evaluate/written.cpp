#include "graph/evaluate/written.h"

#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "graph/lowering/lowering.h"
#include "graph/plan/operation.h"
#include "graph/rules/support/operands.h"
#include "streams/pointwise.h"
#include "support/axes.h"

namespace torchstreamer::graph {
namespace {

// Frames [start, end) of a slice in time, or the one frame of a selection.
struct Region {
  int64_t start = 0;
  int64_t end = std::numeric_limits<int64_t>::max();
  bool is_frame = false;  // true for select(), which removes the time axis
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

// The part of a stream that a chain of views selects.
struct Part {
  Stream stream;  // the part, before frames are cut out
  // Views that keep all frames, each with the index of an output.
  std::vector<std::pair<Operation, size_t>> views;
  std::optional<Region> region;  // the frames that are cut out
};

bool cuts_time(const Call& view, const Stream& x) {
  const std::string name = view.node->kind().toUnqualString();
  if (name != "select" && name != "slice" && name != "narrow") return false;
  return wrapped_index(view.integer(1), static_cast<int64_t>(x.shape.size())) == x.axis;
}

Part part_of(const std::vector<ViewCall>& views, const Stream& root) {
  Part part = {root, {}, std::nullopt};
  for (const ViewCall& view : views) {
    Call call = view.call;
    call.args[0] = Value(part.stream);
    if (cuts_time(call, part.stream)) {
      if (part.region) call.refuse("it writes to a slice of a slice in time");
      part.region = region_of(call);
      if (part.region->is_frame && &view != &views.back())
        call.refuse("it writes to a view of one frame");
      continue;
    }
    if (resolve_operands(call).block != 1) call.refuse("it writes to blocks of frames");
    part.views.emplace_back(Operation(call), view.index);
    part.stream =
        probed_outputs(call, part.views.back().first, {part.stream}).at(view.index).stream;
  }
  return part;
}

// Copies time-major frames, applies the views to the copy and writes to it. `inputs[0]` is the
// target of the write.
class WriteRule {
 public:
  WriteRule(const Call& write, Part part, std::vector<Stream> inputs)
      : write_(write), part_(std::move(part)), inputs_(std::move(inputs)) {}

  Tensor operator()(const Tensors& frames, int64_t first) const {
    const Stream& root = inputs_[0];
    const Tensor whole = as_in_model(frames[0], root).contiguous().clone();
    Tensor part = whole;
    if (part_.region) {
      const int64_t n = frames[0].size(0);
      const int64_t from = std::clamp<int64_t>(part_.region->start - first, 0, n);
      const int64_t to = std::clamp<int64_t>(part_.region->end - first, 0, n);
      if (from >= to) return frames[0];
      part = whole.narrow(root.axis, from, to - from);
    }
    for (const auto& [view, index] : part_.views) part = view({part}).at(index);
    if (part_.region && part_.region->is_frame) part = part.select(part_.stream.axis, 0);
    Tensors in = {part};
    for (size_t i = 1; i < inputs_.size(); ++i) in.push_back(as_in_model(frames[i], inputs_[i]));
    write_(in);
    return whole.movedim(root.axis, 0);
  }

 private:
  Operation write_;
  Part part_;
  std::vector<Stream> inputs_;
};

}  // namespace

Tensor viewed(const Node* node, const std::vector<Value>& args, size_t index, const Tensor& whole,
              int64_t source_frames) {
  torch::jit::Stack stack = {whole};
  for (size_t i = 1; i < args.size(); ++i)
    stack.push_back(value_at(args[i], node->input(i)->type(), source_frames, nullptr));
  node->getOperation()(stack);
  return stack[0].isTensor() ? stack[0].toTensor() : stack[0].toTensorVector().at(index);
}

Value written_stream(Call write, const std::vector<ViewCall>& views, const Stream& root) {
  const Part part = part_of(views, root);
  write.args[0] = Value(part.stream);
  std::vector<Stream> inputs = resolve_operands(write).inputs;
  if (part.region && inputs.size() > 1)
    write.refuse(
        "it writes frames of the signal to some of the frames in time; put them together with "
        "torch.cat() or F.pad()");
  inputs[0] = root;
  const WriteRule rule(write, part, inputs);
  const std::string name = write.node->kind().toUnqualString();
  if (part.region)
    return Value(write.plan.add(write.node, indexed_layer(rule, name), inputs, root));
  std::vector<Format> formats;
  for (const Stream& s : inputs) formats.push_back(write.plan.format(s));
  auto anywhere = [rule](const Tensors& frames) { return rule(frames, 0); };
  prove_pointwise(anywhere, formats);
  PointwiseOptions options{anywhere, name};
  if (views.empty())
    options.computation = computation_of(write, {inputs, formats, anywhere, root, 1, 1});
  return Value(write.plan.add(write.node, pointwise_layer(options), inputs, root));
}

Value written_value(const Call& write, const std::vector<ViewCall>& views, const Value& whole) {
  const auto rule = [=](int64_t n) {
    const Tensor copy = value_at(whole, c10::TensorType::get(), n, nullptr).toTensor().clone();
    Tensor part = copy;
    for (const auto& [call, index] : views) part = viewed(call.node, call.args, index, part, n);
    viewed(write.node, write.args, 0, part, n);
    return IValue(copy);
  };
  std::vector<Value> values = write.args;
  values[0] = whole;
  for (const auto& [call, index] : views)
    values.insert(values.end(), call.args.begin() + 1, call.args.end());
  bool is_constant = true, is_heavy = false;
  for (const Value& value : values)
    if (const SymbolPtr* symbol = value.find<SymbolPtr>()) {
      is_constant = false;
      is_heavy |= (*symbol)->is_heavy;
    }
  if (is_constant) return Value(rule(0));
  auto symbol = std::make_shared<Symbol>(rule);
  symbol->is_heavy = is_heavy;
  return Value(symbol);
}

}  // namespace torchstreamer::graph
