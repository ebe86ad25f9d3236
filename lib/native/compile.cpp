#include "native/compile.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "native/kernels.h"

namespace torchstreamer::native {
namespace {

constexpr int kSource = Network::kSource;

// A step that is not finished: functions of samples may still follow its kernels.
struct Draft {
  // A kernel and what it reads. Those of convolutions are made at the end: what follows them may be
  // folded into their weights.
  struct Head {
    KernelPtr kernel;
    std::optional<Convolution1d> convolution;
    std::vector<View> in;
    std::vector<int> in_nodes;
  };
  std::vector<Head> heads;  // all but the first add to what it makes
  std::vector<Chain::Instruction> instructions;
  std::vector<AlignedFloats> constants;
  std::vector<View> in;  // of the instructions
  std::vector<int> in_nodes;
  int64_t samples = 0;
  int track = -1;

  bool is_sum_of_convolutions() const {
    return !heads.empty() && instructions.empty() &&
           std::all_of(heads.begin(), heads.end(),
                       [](const Head& head) { return head.convolution.has_value(); });
  }
  bool is_whole_frames() const {
    return heads.empty() || !heads[0].kernel || heads[0].kernel->granularity_frames() == 1;
  }
};

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

class Compiler {
 public:
  Compiler(const std::vector<Network::Node>& nodes, const Format& in) : nodes_(nodes) {
    source_ = new_track(floats_of(in));
    views_.resize(nodes.size());
    drafts_.resize(nodes.size());
    copies_.resize(nodes.size());
    fills_.resize(nodes.size());
    result_.is_fallback.assign(nodes.size(), false);
    consumers_.assign(nodes.size(), 0);
    for (const auto& node : nodes)
      for (const int i : node.inputs)
        if (i != kSource) ++consumers_[i];
    ++consumers_.back();  // the output
    formats_ = Network(nodes).walk(in);
  }

  Compiled run() && {
    for (size_t n = 0; n < nodes_.size(); ++n) {
      n_ = static_cast<int>(n);
      std::visit([this](const auto& arithmetic) { add(arithmetic); },
                 is_native() ? nodes_[n].layer->arithmetic() : Arithmetic());
    }
    for (size_t n = 0; n < nodes_.size(); ++n) {
      for (auto& [node, draft] : copies_[n])
        result_.steps.push_back(finished(std::move(draft), node));
      if (drafts_[n])
        result_.steps.push_back(finished(std::move(*drafts_[n]), static_cast<int>(n)));
    }
    result_.output = views_.back();
    return std::move(result_);
  }

 private:
  const std::vector<int>& inputs() const { return nodes_[n_].inputs; }
  const Format& format_in(size_t i) const { return formats_[n_].in[i]; }
  const Format& format_out() const { return formats_[n_].out; }

  static bool is_float(const Format& f) { return f.dtype == at::kFloat; }
  bool is_native() const {
    const auto& in = formats_[n_].in;
    return is_float(format_out()) && std::all_of(in.begin(), in.end(), is_float);
  }

  View new_track(int64_t pitch) {
    result_.tracks.push_back({pitch, {1}, 0, 0, 0});
    View view;
    view.track = static_cast<int>(result_.tracks.size()) - 1;
    view.samples = pitch;
    return view;
  }

  View view_of(int node) const { return node == kSource ? source_ : views_[node]; }
  int64_t pitch(const View& view) const { return view.step * result_.tracks[view.track].pitch; }

  // ---- views of what is there

  void add(const Identity&) { views_[n_] = view_of(inputs()[0]); }

  void add(const Trim& trim) {
    View view = view_of(inputs()[0]);
    view.offset += trim.start * view.step;
    view.begins_with_track &= trim.start == 0;
    view.ends_with_track = false;
    views_[n_] = view;
  }

  void add(const Decimation& decimation) {
    View view = view_of(inputs()[0]);
    view.step *= decimation.step;
    view.ends_with_track = false;
    views_[n_] = view;
  }

  void add(const ZeroPadding& padding) {
    View view = view_of(inputs()[0]);
    if (!has_zeros(view, padding.left_frames, padding.most_right_frames))
      return add_kernel(pad(padding, view.samples), samples_out());
    view.offset -= padding.left_frames;
    views_[n_] = view;
  }

  // Whether the track of `view` can have zeros around what the view shows of it; then it has.
  bool has_zeros(const View& view, int64_t lead, int64_t trail) {
    if ((lead && !view.begins_with_track) || (trail && !view.ends_with_track) || view.step != 1)
      return false;
    Program::Track& track = result_.tracks[view.track];
    track.lead = std::max(track.lead, lead - view.offset);
    track.trail = std::max(track.trail, trail + trail_of(view));
    return true;
  }

  // The zeros behind the track that belong to the view already, at most: those of paddings before.
  int64_t trail_of(const View& view) const { return result_.tracks[view.track].trail; }

  // ---- kernels

  void fall_back() {
    result_.is_fallback[n_] = true;
    add_kernel(run_state(nodes_[n_].layer, formats_[n_].in, format_out()), floats_of(format_out()));
  }
  void add(const std::monostate&) { fall_back(); }

  void add_kernel(KernelPtr kernel, int64_t samples) {
    Draft::Head head;
    head.kernel = std::move(kernel);
    add_head(std::move(head), samples);
  }

  // A kernel over the node's inputs.
  void add_head(Draft::Head head, int64_t samples) {
    for (const int i : inputs()) {
      head.in.push_back(view_of(i));
      head.in_nodes.push_back(i);
    }
    Draft draft;
    draft.heads.push_back(std::move(head));
    draft.samples = samples;
    add_draft(std::move(draft));
  }

  void add_draft(Draft draft) {
    views_[n_] = new_track(draft.samples);
    draft.track = views_[n_].track;
    drafts_[n_] = std::make_unique<Draft>(std::move(draft));
  }

  int64_t samples_out() const { return format_out().batch() * format_out().channels(); }

  void add(const Convolution1d& convolution) {
    if (format_in(0).batch() != 1) return fall_back();
    Draft::Head head;
    head.convolution = convolution;
    add_head(std::move(head), samples_out());
  }

  void add(const TransposedConvolution1d& convolution) {
    const View view = view_of(inputs()[0]);
    const Zeros zeros = zeros_of(convolution, nodes_[n_].layer->timing());
    // In the gaps behind a shorter kernel outputs leave in parts of strides.
    const bool has_gaps = convolution.weight.size(2) < convolution.stride;
    if (format_in(0).batch() != 1 || convolution.dilation != 1 || has_gaps ||
        !has_zeros(view, zeros.lead, zeros.trail))
      return fall_back();
    add_kernel(convolve_transposed(convolution, pitch(view)), samples_out());
  }

  void add(const Recurrence& recurrence) {
    add_kernel(recur(recurrence, pitch(view_of(inputs()[0]))), samples_out());
  }

  void add(const Rearrangement& r) {
    if (show(r)) return;
    std::vector<int64_t> samples;
    for (const Format& f : formats_[n_].in) samples.push_back(floats_of(f));
    add_kernel(rearrange(r, samples), samples_out());
  }

  // A run of the samples of one input is a view of it.
  bool show(const Rearrangement& r) {
    const auto& first = r.samples.front();
    if (r.rate != 1 || r.block != 1) return false;
    for (size_t i = 0; i < r.samples.size(); ++i)
      if (r.samples[i].input != first.input ||
          r.samples[i].sample != first.sample + static_cast<int64_t>(i))
        return false;
    View view = view_of(inputs()[first.input]);
    view.sample += first.sample;
    view.samples = static_cast<int64_t>(r.samples.size());
    view.ends_with_track &= inputs().size() == 1;  // another input may be the shorter one
    views_[n_] = view;
    return true;
  }

  // ---- functions of samples, and what they are fused with

  void add(const Affine& affine) {
    const Draft* before = absorbable(inputs()[0]);
    if (before && before->is_sum_of_convolutions() && before->heads.size() == 1) {
      take_over(inputs()[0]);
      fold(affine, *drafts_[n_]->heads[0].convolution);
      return;
    }
    Draft draft;
    draft.samples = samples_out();
    auto source = operand(draft, {0, {}, {}});
    for (const auto& [function, constant] :
         {std::pair(Function::kMultiply, affine.scale), {Function::kAdd, affine.shift}}) {
      draft.instructions.push_back({function, 1, 0, {source, operand(draft, {-1, constant, {}})}});
      source = {Chain::Source::kResult, static_cast<int>(draft.instructions.size()) - 1};
    }
    add_draft(std::move(draft));
  }

  // What was to be made of `node` is made of this one.
  void take_over(int node) {
    views_[n_] = views_[node];
    drafts_[n_] = std::move(drafts_[node]);
  }

  static void fold(const Affine& affine, Convolution1d& c) {
    const Tensor scale = affine.scale.to(at::kDouble);
    c.weight = (c.weight.to(at::kDouble) * scale.view({-1, 1, 1})).to(at::kFloat);
    const Tensor bias = c.bias.defined() ? c.bias.to(at::kDouble) * scale : 0 * scale;
    c.bias = (bias + affine.shift).to(at::kFloat);
  }

  // A track for the halves of one frame, side by side.
  void add(const Gate&) {
    Draft draft;
    draft.samples = samples_out();
    for (const int64_t start : {draft.samples, int64_t{0}}) {
      View half = view_of(inputs()[0]);
      half.sample += start;
      half.samples = draft.samples;
      draft.in.push_back(half);
      draft.in_nodes.push_back(inputs()[0]);
    }
    using Source = Chain::Source;
    draft.instructions.push_back({Function::kSigmoid, 0, 0, {Source{Source::kInput, 0}}});
    draft.instructions.push_back(
        {Function::kMultiply, 0, 0, {Source{Source::kInput, 1}, Source{Source::kResult, 0}}});
    add_draft(std::move(draft));
  }

  void add(const Elementwise& e) {
    if (add_convolutions(e)) return;
    Draft draft;
    draft.samples = samples_out();
    Chain::Instruction instruction{e.function, e.p, e.q, {}};
    if (e.function == Function::kFill) {
      fills_[n_] = static_cast<float>(e.q);
      instruction.operands = {input(draft, view_of(inputs()[0]), inputs()[0])};
    } else {
      for (const Operand& o : e.operands) instruction.operands.push_back(operand(draft, o));
    }
    draft.instructions.push_back(std::move(instruction));
    add_draft(std::move(draft));
  }

  // The sum of two convolutions is made in place.
  bool add_convolutions(const Elementwise& e) {
    if (e.function != Function::kAdd || e.p != 1 || inputs().size() != 2) return false;
    const Draft *a = absorbable(inputs()[0]), *b = absorbable(inputs()[1]);
    if (!a || !b || a == b || a->samples != b->samples || !a->is_sum_of_convolutions() ||
        !b->is_sum_of_convolutions())
      return false;
    take_over(inputs()[0]);
    append(drafts_[n_]->heads, std::exchange(drafts_[inputs()[1]], nullptr)->heads);
    return true;
  }

  // Where the draft reads this operand: what made an input that nobody else reads becomes part of
  // the draft.
  Chain::Source operand(Draft& draft, const Operand& o) {
    if (o.input < 0) {
      const float* at = o.constant.data_ptr<float>();
      return constant(draft, {at, at + o.constant.numel()});
    }
    const int node = inputs()[o.input];
    if (node != kSource && fills_[node])
      return constant(draft, AlignedFloats(draft.samples, *fills_[node]));
    if (!o.spread.empty()) return input(draft, spread(node, o.spread), node);
    const Draft* before = absorbable(node);
    const bool fits = before && (before->heads.empty() || draft.heads.empty()) &&
                      (before->is_whole_frames() || inputs().size() == 1);
    if (!fits) return input(draft, view_of(node), node);
    return absorb(draft, std::move(*std::exchange(drafts_[node], nullptr)));
  }

  static Chain::Source constant(Draft& draft, AlignedFloats frame) {
    draft.constants.push_back(std::move(frame));
    return {Chain::Source::kConstant, static_cast<int>(draft.constants.size()) - 1};
  }

  static Chain::Source input(Draft& draft, const View& view, int node) {
    draft.in.push_back(view);
    draft.in_nodes.push_back(node);
    return {Chain::Source::kInput, static_cast<int>(draft.in.size()) - 1};
  }

  // The frames of `node`, broadcast to those of the output.
  View spread(int node, const std::vector<int64_t>& samples) {
    Rearrangement r;
    for (const int64_t sample : samples) r.samples.push_back({0, sample});
    Draft::Head head;
    head.kernel = rearrange(r, {view_of(node).samples});
    head.in = {view_of(node)};
    head.in_nodes = {node};
    Draft draft;
    draft.heads.push_back(std::move(head));
    draft.samples = static_cast<int64_t>(samples.size());
    const View view = new_track(draft.samples);
    draft.track = view.track;
    copies_[n_].emplace_back(node, std::move(draft));
    return view;
  }

  const Draft* absorbable(int node) const {
    if (node == kSource || consumers_[node] != 1 || result_.is_fallback[node]) return nullptr;
    return drafts_[node].get();
  }

  static Chain::Source absorb(Draft& draft, Draft before) {
    const int results = static_cast<int>(draft.instructions.size());
    const int constants = static_cast<int>(draft.constants.size());
    const int inputs = static_cast<int>(draft.in.size());
    const bool is_head = before.instructions.empty();
    for (auto& instruction : before.instructions)
      for (Chain::Source& s : instruction.operands)
        s.index += s.kind == Chain::Source::kResult     ? results
                   : s.kind == Chain::Source::kConstant ? constants
                   : s.kind == Chain::Source::kInput    ? inputs
                                                        : 0;
    append(draft.heads, before.heads);
    append(draft.instructions, before.instructions);
    append(draft.constants, before.constants);
    append(draft.in, before.in);
    append(draft.in_nodes, before.in_nodes);
    if (is_head) return {Chain::Source::kHead, 0};
    return {Chain::Source::kResult, static_cast<int>(draft.instructions.size()) - 1};
  }

  Program::Step finished(Draft draft, int node) {
    const Rational rate = node == kSource ? Rational(1) : formats_[node].rate;
    result_.floats_per_frame += (rate * Rational(draft.samples)).ceil();
    result_.tracks[draft.track].rate = rate;
    Program::Step step;
    step.node = node;
    step.track = draft.track;
    Chain c;
    for (Draft::Head& head : draft.heads) {
      if (head.convolution)
        head.kernel = convolve(*head.convolution, pitch(head.in[0]), /*adds=*/!c.heads.empty());
      c.heads.push_back({std::move(head.kernel), static_cast<int>(head.in.size())});
      append(step.in, head.in);
      append(step.in_nodes, head.in_nodes);
    }
    const int head_inputs = static_cast<int>(step.in.size());
    append(step.in, draft.in);
    append(step.in_nodes, draft.in_nodes);
    if (c.heads.size() == 1 && draft.instructions.empty()) {
      step.kernel = std::move(c.heads[0].kernel);
      return step;
    }
    for (auto& instruction : draft.instructions)
      for (Chain::Source& s : instruction.operands)
        if (s.kind == Chain::Source::kInput) s.index += head_inputs;
    c.instructions = std::move(draft.instructions);
    c.constants = std::move(draft.constants);
    c.samples = draft.samples;
    step.kernel = chain(std::move(c));
    return step;
  }

  const std::vector<Network::Node>& nodes_;
  std::vector<Network::Visit> formats_;
  std::vector<View> views_;
  std::vector<std::unique_ptr<Draft>> drafts_;
  std::vector<std::vector<std::pair<int, Draft>>> copies_;  // for each node, of which others
  std::vector<std::optional<float>> fills_;                 // of nodes that are this value all over
  std::vector<int> consumers_;
  View source_;
  Compiled result_;
  int n_ = 0;
};

}  // namespace

Compiled compile(const std::vector<Network::Node>& nodes, const Format& in) {
  return Compiler(nodes, in).run();
}

}  // namespace torchstreamer::native
