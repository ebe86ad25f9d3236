#include "native/program/compile.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "native/program/draft.h"

namespace torchstreamer::native {
namespace {

constexpr int kSource = Network::kSource;

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
      std::visit([this](const auto& computation) { add(computation); },
                 is_native() ? nodes_[n].layer->computation() : Computation());
    }
    for (size_t n = 0; n < nodes_.size(); ++n) {
      for (auto& [node, draft] : copies_[n]) finish(std::move(draft), node);
      if (drafts_[n]) finish(std::move(*drafts_[n]), static_cast<int>(n));
    }
    result_.output = views_.back();
    return std::move(result_);
  }

 private:
  const std::vector<int>& inputs() const { return nodes_[n_].inputs; }
  const Format& format_in(size_t i) const { return formats_[n_].in[i]; }
  const Format& format_out() const { return formats_[n_].out; }

  static bool is_float(const Format& f) {
    return f.dtype == at::kFloat || f.dtype == at::kComplexFloat;
  }
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
  int64_t pitch(const View& view) const { return pitch_of(view, result_.tracks); }

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

  void add(const Padding1d& padding) {
    View view = view_of(inputs()[0]);
    const bool is_zero =
        padding.mode == PadMode::kConstant && !padding.before.defined() && !padding.after.defined();
    if (!is_zero || !has_zeros(view, padding.left_frames, padding.most_right_frames))
      return add_kernel(pad(padding, view.samples), samples_out());
    view.offset -= padding.left_frames;
    view.trail += padding.most_right_frames;
    views_[n_] = view;
  }

  // Whether the track of `view` can have zeros around what the view shows of it; then it has.
  bool has_zeros(const View& view, int64_t lead, int64_t trail) {
    if ((lead && !view.begins_with_track) || (trail && !view.ends_with_track) || view.step != 1)
      return false;
    Program::Track& track = result_.tracks[view.track];
    track.lead = std::max(track.lead, lead - view.offset);
    track.trail = std::max(track.trail, trail + view.trail);
    return true;
  }

  // ---- kernels

  void fall_back() {
    result_.is_fallback[n_] = true;
    add_kernel(run_state(nodes_[n_].layer, formats_[n_].in, format_out()), floats_of(format_out()));
    drafts_[n_]->is_state = true;
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

  int64_t samples_out() const { return floats_of(format_out()); }

  void add(const Convolution1d& convolution) {
    if (convolution.weight.scalar_type() != at::kFloat) return fall_back();
    Draft::Head head;
    head.convolution =
        for_each_signal(convolution, convolution.weight.size(1) * convolution.groups);
    add_head(std::move(head), samples_out());
  }

  void add(const TransposedConvolution1d& one) {
    if (one.weight.scalar_type() != at::kFloat) return fall_back();
    const auto convolution = for_each_signal(one, one.weight.size(0));
    const Zeros zeros = zeros_of(convolution, nodes_[n_].layer->timing());
    View view = view_of(inputs()[0]);
    if (!has_zeros(view, zeros.lead, zeros.trail)) {
      view = copied(inputs()[0], pad({}, view.samples), view.samples);
      has_zeros(view, zeros.lead, zeros.trail);
    }
    Draft draft;
    draft.heads.push_back(
        {convolve_transposed(convolution, pitch(view)), {}, {view}, {inputs()[0]}});
    draft.samples = samples_out();
    add_draft(std::move(draft));
  }

  // Frames of several signals side by side, of `channels` each, are groups of channels.
  template <class Convolution>
  Convolution for_each_signal(Convolution convolution, int64_t channels) const {
    const int64_t signals = floats_of(format_in(0)) / channels;
    if (signals == 1) return convolution;
    convolution.weight = convolution.weight.repeat({signals, 1, 1});
    if (convolution.bias.defined()) convolution.bias = convolution.bias.repeat({signals});
    convolution.groups *= signals;
    return convolution;
  }

  void add(const DividedByLast&) { add_kernel(divide_by_last(samples_out()), samples_out()); }

  void add(const Pool1d& p) { add_kernel(pool(p, samples_out()), samples_out()); }

  void add(const Interpolation& i) { add_kernel(interpolate(i, samples_out()), samples_out()); }

  void add(const CumulativeSum&) { add_kernel(accumulate(samples_out()), samples_out()); }

  void add(const Reduction& r) {
    add_kernel(reduce(r), samples_out());
    if (r.scale.defined()) apply(Function::kMultiply, r.scale);
    if (r.shift.defined()) apply(Function::kAdd, r.shift);
  }

  // f(what the node's draft makes, constant).
  void apply(Function function, const Tensor& constant) {
    Draft& draft = *drafts_[n_];
    const Chain::Source made = draft.made();
    draft.instructions.push_back({function, 1, 0, {made, draft.constant(floats_in(constant))}});
  }

  void add(const Recurrence& recurrence) {
    add_kernel(recurrent(recurrence, pitch(view_of(inputs()[0]))), samples_out());
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
    if (r.rate != 1 || r.block != 1 || first.input == Rearrangement::kZero) return false;
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
    const Operand x{0, {}, {}}, scale{-1, affine.scale, {}}, shift{-1, affine.shift, {}};
    const auto scaled = std::make_shared<Elementwise>(Elementwise{Function::kMultiply, {x, scale}});
    add(Elementwise{Function::kAdd, {{-1, {}, {}, scaled}, shift}, 1});
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

  // The halves of a frame are views of it.
  void add(const Glu&) {
    Draft draft;
    draft.samples = samples_out();
    View value = view_of(inputs()[0]);
    value.samples = draft.samples;
    View gate = value;
    gate.sample += draft.samples;
    const auto opened = draft.input(gate, inputs()[0]), passed = draft.input(value, inputs()[0]);
    const Chain::Source sigmoid{Chain::Source::kResult, 0};
    draft.instructions.push_back({Function::kSigmoid, 0, 0, {opened}});
    draft.instructions.push_back({Function::kMultiply, 0, 0, {passed, sigmoid}});
    add_draft(std::move(draft));
  }

  void add(const Elementwise& e) {
    if (add_convolutions(e)) return;
    Draft draft;
    draft.samples = samples_out();
    if (e.function == Function::kFill) fills_[n_] = static_cast<float>(e.q);
    operands_.assign(inputs().size(), {});
    find_spread(e);
    add_instruction(draft, e);
    add_draft(std::move(draft));
  }

  void find_spread(const Elementwise& e) {
    for (const Operand& o : e.operands) {
      if (o.result) find_spread(*o.result);
      if (o.input >= 0 && !o.spread.empty()) operands_[o.input].is_spread = true;
    }
  }

  void add_instruction(Draft& draft, const Elementwise& e) {
    Chain::Instruction instruction{e.function, e.p, e.q, {}};
    if (e.function == Function::kFill)
      instruction.operands = {draft.input(view_of(inputs()[0]), inputs()[0])};
    else
      for (const Operand& o : e.operands) instruction.operands.push_back(operand(draft, o));
    draft.instructions.push_back(std::move(instruction));
  }

  // The sum of two convolutions is made in place.
  bool add_convolutions(const Elementwise& e) {
    if (e.function != Function::kAdd || e.p != 1 || inputs().size() != 2) return false;
    for (const Operand& o : e.operands)
      if (o.input < 0 || !o.spread.empty()) return false;
    const Draft *a = absorbable(inputs()[0]), *b = absorbable(inputs()[1]);
    if (!a || !b || a == b || a->samples != b->samples || !a->is_sum_of_convolutions() ||
        !b->is_sum_of_convolutions())
      return false;
    take_over(inputs()[0]);
    append(drafts_[n_]->heads, std::exchange(drafts_[inputs()[1]], nullptr)->heads);
    return true;
  }

  // Where the draft reads this operand.
  Chain::Source operand(Draft& draft, const Operand& o) {
    if (o.result) {
      add_instruction(draft, *o.result);
      return draft.made();
    }
    if (o.input < 0) return draft.constant(floats_in(o.constant));
    const int node = inputs()[o.input];
    if (node != kSource && fills_[node])
      return draft.constant(AlignedFloats(draft.samples, *fills_[node]));
    if (!o.spread.empty()) return draft.input(spread(node, o.spread), node);
    auto& [source, is_spread] = operands_[o.input];
    if (!source) source = is_spread ? draft.input(view_of(node), node) : input(draft, node);
    return *source;
  }

  // What made an input that nobody else reads becomes part of the draft.
  Chain::Source input(Draft& draft, int node) {
    const Draft* before = absorbable(node);
    const bool fits = before && (before->heads.empty() || draft.heads.empty()) &&
                      (before->is_whole_frames() || inputs().size() == 1);
    if (!fits) return draft.input(view_of(node), node);
    return draft.absorb(std::move(*std::exchange(drafts_[node], nullptr)));
  }

  // The frames of `node`, broadcast to those of the output.
  View spread(int node, const std::vector<int64_t>& samples) {
    Rearrangement r;
    for (const int64_t sample : samples) r.samples.push_back({0, sample});
    return copied(node, rearrange(r, {view_of(node).samples}),
                  static_cast<int64_t>(samples.size()));
  }

  // What `kernel` makes of the frames of `node`, on a track of its own.
  View copied(int node, KernelPtr kernel, int64_t samples) {
    Draft draft;
    draft.heads.push_back({std::move(kernel), {}, {view_of(node)}, {node}});
    draft.samples = samples;
    const View view = new_track(samples);
    draft.track = view.track;
    copies_[n_].emplace_back(node, std::move(draft));
    return view;
  }

  const Draft* absorbable(int node) const {
    if (node == kSource || consumers_[node] != 1 || result_.is_fallback[node]) return nullptr;
    return drafts_[node].get();
  }

  // The finished step, and what its track costs.
  void finish(Draft draft, int node) {
    const Rational rate = node == kSource ? Rational(1) : formats_[node].rate;
    result_.floats_per_frame += (rate * Rational(draft.samples)).ceil();
    result_.tracks[draft.track].rate = rate;
    result_.steps.push_back(std::move(draft).finished(node, result_.tracks));
  }

  const std::vector<Network::Node>& nodes_;
  std::vector<Network::Visit> formats_;
  std::vector<View> views_;
  std::vector<std::unique_ptr<Draft>> drafts_;
  std::vector<std::vector<std::pair<int, Draft>>> copies_;  // for each node, of which others
  std::vector<std::optional<float>> fills_;                 // of nodes that are this value all over
  std::vector<int> consumers_;
  // Where the draft at work reads its inputs. What is broadcast is made from a track of its own.
  struct Read {
    std::optional<Chain::Source> source;
    bool is_spread = false;
  };
  std::vector<Read> operands_;
  View source_;
  Compiled result_;
  int n_ = 0;
};

}  // namespace

Compiled compile(const std::vector<Network::Node>& nodes, const Format& in) {
  return Compiler(nodes, in).run();
}

}  // namespace torchstreamer::native
