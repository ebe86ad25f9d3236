#include "native/program/compile.h"

#include <algorithm>
#include <variant>

#include "native/kernels/convolve.h"
#include "native/kernels/floats.h"
#include "native/kernels/table.h"
#include "native/program/drafts.h"
#include "native/program/functions.h"
#include "native/program/operand_counts.h"

namespace torchstreamer::native {
namespace {

// Compiles one node after the other. The type of its computation determines the result: a view of
// the buffer of its input, a draft of functions (functions.h), or a draft with a kernel of the
// table.
class Compiler {
 public:
  Compiler(const std::vector<Network::Node>& nodes, const Format& in) : drafts_(nodes, in) {
    for (n_ = 0; n_ < static_cast<int>(nodes.size()); ++n_)
      std::visit([this](const auto& computation) { add(computation); }, native_computation());
  }

  CompiledNetwork finish() && { return std::move(drafts_).finish(); }

 private:
  static bool is_float(const Format& f) {
    return f.dtype == at::kFloat || f.dtype == at::kComplexFloat;
  }
  bool is_native() const {
    const auto& in = drafts_.formats_in(n_);
    return is_float(drafts_.format_out(n_)) && std::all_of(in.begin(), in.end(), is_float);
  }

  // Returns std::monostate for a layer that its own State executes.
  Computation native_computation() const {
    const Layer& layer = *drafts_.node(n_).layer;
    Computation computation = is_native() ? layer.computation() : Computation();
    const bool agrees =
        counts_agree(computation, layer.timing(), drafts_.formats_in(n_), drafts_.format_out(n_));
    return agrees ? computation : Computation();
  }

  const std::vector<int>& inputs() const { return drafts_.inputs(n_); }
  const BufferView& input_view() const { return drafts_.view(inputs()[0]); }
  int64_t samples_out() const { return drafts_.samples_out(n_); }
  KernelSite site() const {
    return {drafts_.node(n_).layer, drafts_.formats_in(n_), drafts_.format_out(n_),
            drafts_.pitch(input_view())};
  }

  // ---- Views

  void add(const Identity&) { drafts_.set_view(n_, input_view()); }

  void add(const Trim& trim) {
    BufferView view = input_view();
    view.offset += trim.start * view.step;
    view.begins_with_buffer &= trim.start == 0;
    view.ends_with_buffer = false;
    drafts_.set_view(n_, view);
  }

  void add(const Decimation& decimation) {
    BufferView view = input_view();
    view.step *= decimation.step;
    view.ends_with_buffer = false;
    drafts_.set_view(n_, view);
  }

  void add(const Padding1d& padding) {
    BufferView view = input_view();
    const bool is_zero =
        padding.mode == PadMode::kConstant && !padding.before.defined() && !padding.after.defined();
    if (!is_zero || !drafts_.reserve_zeros(view, padding.left_frames, padding.most_right_frames))
      return add_kernel(padding);
    view.offset -= padding.left_frames;
    view.trail += padding.most_right_frames;
    drafts_.set_view(n_, view);
  }

  void add(const Rearrangement& r) {
    if (!is_part_of_input(r)) return add_kernel(r);
    BufferView view = drafts_.view(inputs()[r.samples.front().input]);
    view.sample += r.samples.front().sample;
    view.samples = static_cast<int64_t>(r.samples.size());
    view.ends_with_buffer &= inputs().size() == 1;  // another input may be shorter
    drafts_.set_view(n_, view);
  }

  // Returns true if the output samples are consecutive samples of one input.
  static bool is_part_of_input(const Rearrangement& r) {
    const auto& first = r.samples.front();
    if (r.rate != 1 || r.block != 1 || first.input == Rearrangement::kZero) return false;
    for (size_t i = 0; i < r.samples.size(); ++i)
      if (r.samples[i].input != first.input ||
          r.samples[i].sample != first.sample + static_cast<int64_t>(i))
        return false;
    return true;
  }

  // ---- Functions

  void add(const Elementwise& elementwise) { add_elementwise(drafts_, n_, elementwise); }
  void add(const Affine& affine) { add_affine(drafts_, n_, affine); }
  void add(const Glu&) { add_glu(drafts_, n_); }

  // ---- Convolutions

  void add(const Convolution1d& convolution) {
    if (convolution.weight.scalar_type() != at::kFloat) return add(std::monostate());
    Draft::Head head;
    head.convolution =
        for_each_signal(convolution, convolution.weight.size(1) * convolution.groups);
    drafts_.add_head(n_, std::move(head), samples_out());
  }

  void add(const TransposedConvolution1d& one) {
    if (one.weight.scalar_type() != at::kFloat) return add(std::monostate());
    const auto convolution = for_each_signal(one, one.weight.size(0));
    const ZeroFrames zeros = zeros_around(convolution, drafts_.node(n_).layer->timing());
    BufferView view = input_view();
    if (!drafts_.reserve_zeros(view, zeros.lead, zeros.trail)) {
      KernelSite copy = site();
      copy.out = copy.in[0];
      view = drafts_.add_copy(n_, inputs()[0], make_kernel(Padding1d(), copy), view.samples);
      drafts_.reserve_zeros(view, zeros.lead, zeros.trail);
    }
    Draft draft;
    draft.heads.push_back(
        {make_transposed_convolution(convolution, drafts_.pitch(view)), {}, {view}, {inputs()[0]}});
    draft.samples = samples_out();
    drafts_.add(n_, std::move(draft));
  }

  // The frames of several signals in a batch, each with `channels` channels, are groups of
  // channels.
  template <class Convolution>
  Convolution for_each_signal(Convolution convolution, int64_t channels) const {
    const int64_t signals = floats_of(drafts_.format_in(n_, 0)) / channels;
    if (signals == 1) return convolution;
    convolution.weight = convolution.weight.repeat({signals, 1, 1});
    if (convolution.bias.defined()) convolution.bias = convolution.bias.repeat({signals});
    convolution.groups *= signals;
    return convolution;
  }

  // ---- Kernels of the table

  template <class C>
  void add_kernel(const C& computation) {
    drafts_.add_kernel(n_, make_kernel(computation, site()), samples_out());
  }

  template <class C>
  void add(const C& computation) {
    add_kernel(computation);
  }

  void add(const Reduction& reduction) {
    add_kernel(reduction);
    if (reduction.scale.defined())
      append_function(drafts_, n_, Function::kMultiply, reduction.scale);
    if (reduction.shift.defined()) append_function(drafts_, n_, Function::kAdd, reduction.shift);
  }

  void add(const std::monostate& none) {
    add_kernel(none);
    drafts_.set_fallback(n_);
  }

  Drafts drafts_;
  int n_ = 0;
};

}  // namespace

CompiledNetwork compile(const std::vector<Network::Node>& nodes, const Format& in) {
  return Compiler(nodes, in).finish();
}

}  // namespace torchstreamer::native
