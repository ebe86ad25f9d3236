#include "native/program/functions.h"

#include <ATen/TensorOperators.h>

#include <optional>
#include <utility>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"

namespace torchstreamer::native {
namespace {

// Builds the draft of one node: a chain of functions over its inputs.
class FunctionCompiler {
 public:
  FunctionCompiler(Drafts& drafts, int n)
      : drafts_(drafts), n_(n), inputs_(drafts.inputs(n)), reads_(inputs_.size()) {
    draft_.samples = drafts.samples_out(n);
  }

  Draft compile(const Elementwise& e) && {
    if (e.function == Function::kFill) drafts_.set_fill(n_, static_cast<float>(e.q));
    find_spread(e);
    add_instruction(e);
    return std::move(draft_);
  }

 private:
  void find_spread(const Elementwise& e) {
    for (const Operand& o : e.operands) {
      if (o.result) find_spread(*o.result);
      if (o.input >= 0 && !o.spread.empty()) reads_[o.input].is_spread = true;
    }
  }

  void add_instruction(const Elementwise& e) {
    Chain::Instruction instruction{e.function, e.p, e.q, {}};
    if (e.function == Function::kFill)
      instruction.operands = {draft_.add_input(drafts_.view(inputs_[0]), inputs_[0])};
    else
      for (const Operand& o : e.operands) instruction.operands.push_back(operand(o));
    draft_.instructions.push_back(std::move(instruction));
  }

  Chain::Source operand(const Operand& o) {
    if (o.result) {
      add_instruction(*o.result);
      return draft_.result();
    }
    if (o.input < 0) return draft_.add_constant(floats_in(o.constant));
    const int node = inputs_[o.input];
    if (const auto value = drafts_.fill(node))
      return draft_.add_constant(AlignedFloats(draft_.samples, *value));
    if (!o.spread.empty()) return draft_.add_input(spread(o.input, o.spread), node);
    auto& [source, is_spread] = reads_[o.input];
    if (!source) source = is_spread ? draft_.add_input(drafts_.view(node), node) : input(node);
    return *source;
  }

  // Returns the frames of `node`. Absorbs its draft if possible.
  Chain::Source input(int node) {
    const Draft* before = drafts_.absorbable(node);
    const bool fits = before && (before->heads.empty() || draft_.heads.empty()) &&
                      (before->has_single_frames() || inputs_.size() == 1);
    if (!fits) return draft_.add_input(drafts_.view(node), node);
    return draft_.absorb(drafts_.take(node));
  }

  // Returns the frames of an input, broadcast to those of the output.
  BufferView spread(int input, const std::vector<int64_t>& samples) {
    Rearrangement r;
    for (const int64_t sample : samples) r.samples.push_back({0, sample});
    const KernelSite site{nullptr, {drafts_.format_in(n_, input)}, drafts_.format_out(n_), 0};
    return drafts_.add_copy(n_, inputs_[input], make_kernel(r, site),
                            static_cast<int64_t>(samples.size()));
  }

  Drafts& drafts_;
  int n_;
  const std::vector<int>& inputs_;
  // Sources of the inputs read so far. An input that is also broadcast keeps its own buffer.
  struct Read {
    std::optional<Chain::Source> source;
    bool is_spread = false;
  };
  std::vector<Read> reads_;
  Draft draft_;
};

// Makes node n the sum of two convolutions, whose drafts it absorbs. Returns false for other sums.
bool add_sum_of_convolutions(Drafts& drafts, int n, const Elementwise& e) {
  const std::vector<int>& inputs = drafts.inputs(n);
  if (e.function != Function::kAdd || e.p != 1 || inputs.size() != 2) return false;
  for (const Operand& o : e.operands)
    if (o.input < 0 || !o.spread.empty()) return false;
  const Draft *a = drafts.absorbable(inputs[0]), *b = drafts.absorbable(inputs[1]);
  if (!a || !b || a == b || a->samples != b->samples || !a->is_sum_of_convolutions() ||
      !b->is_sum_of_convolutions())
    return false;
  drafts.move_draft(inputs[0], n);
  Draft other = drafts.take(inputs[1]);
  append(drafts.draft(n).heads, other.heads);
  return true;
}

// Folds scale and shift into the weights, computed in double.
void fold(const Affine& affine, Convolution1d& c) {
  const Tensor scale = affine.scale.to(at::kDouble);
  c.weight = (c.weight.to(at::kDouble) * scale.view({-1, 1, 1})).to(at::kFloat);
  const Tensor bias = c.bias.defined() ? c.bias.to(at::kDouble) * scale : 0 * scale;
  c.bias = (bias + affine.shift).to(at::kFloat);
}

}  // namespace

void add_elementwise(Drafts& drafts, int n, const Elementwise& e) {
  if (add_sum_of_convolutions(drafts, n, e)) return;
  drafts.add(n, FunctionCompiler(drafts, n).compile(e));
}

void add_affine(Drafts& drafts, int n, const Affine& affine) {
  const int input = drafts.inputs(n)[0];
  const Draft* before = drafts.absorbable(input);
  if (before && before->is_sum_of_convolutions() && before->heads.size() == 1) {
    drafts.move_draft(input, n);
    fold(affine, *drafts.draft(n).heads[0].convolution);
    return;
  }
  const Elementwise scaled{Function::kMultiply,
                           {Operand::of_input(0), Operand::of_constant(affine.scale)}};
  add_elementwise(
      drafts, n,
      {Function::kAdd, {Operand::of_result(scaled), Operand::of_constant(affine.shift)}, 1});
}

// Uses views of the two halves of a frame as operands.
void add_glu(Drafts& drafts, int n) {
  const int input = drafts.inputs(n)[0];
  Draft draft;
  draft.samples = drafts.samples_out(n);
  BufferView value = drafts.view(input);
  value.samples = draft.samples;
  BufferView gate = value;
  gate.sample += draft.samples;
  const auto gate_source = draft.add_input(gate, input);
  const auto value_source = draft.add_input(value, input);
  const Chain::Source sigmoid{Chain::Source::kResult, 0};
  draft.instructions.push_back({Function::kSigmoid, 0, 0, {gate_source}});
  draft.instructions.push_back({Function::kMultiply, 0, 0, {value_source, sigmoid}});
  drafts.add(n, std::move(draft));
}

void append_function(Drafts& drafts, int n, Function function, const Tensor& constant) {
  Draft& draft = drafts.draft(n);
  const Chain::Source result = draft.result();
  draft.instructions.push_back({function, 1, 0, {result, draft.add_constant(floats_in(constant))}});
}

}  // namespace torchstreamer::native
