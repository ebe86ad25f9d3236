#include "blocks/trials.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <new>

#include "blocks/block_state.h"
#include "blocks/call_cost.h"
#include "blocks/trial_failure.h"
#include "graph/model/outputs.h"
#include "graph/script/type_name.h"
#include "support/exceptions.h"
#include "support/noise.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

// Returns the only axis that is longer in `longer`; none if there is no such axis.
std::optional<int> longer_axis(const Tensor& y, const Tensor& longer) {
  std::optional<int> axis;
  for (int i = 0; i < y.dim(); ++i) {
    if (longer.size(i) == y.size(i)) continue;
    if (axis || longer.size(i) < y.size(i)) return std::nullopt;
    axis = i;
  }
  return axis;
}

// Returns the time axis of the output of a model that takes only one size of windows; none if the
// output is one vector.
std::optional<int> likely_time_axis(const Tensor& y, const Windows& windows, Layout layout) {
  const std::string axes = graph::axes_of(layout);
  const auto rank = static_cast<size_t>(y.dim());
  const auto last = static_cast<int>(rank) - 1;
  const int of_layout = axes.size() == rank ? static_cast<int>(axes.find('T')) : last;
  for (const int axis : {of_layout, last})
    if (y.size(axis) == windows.window_frames || y.size(axis) == windows.hop_frames) return axis;
  return std::nullopt;
}

// Sets the output of a form. Throws OptionError if there is no such output.
void choose_output(const IValue& returned, const LoadOptions& options, BlockForm& form) {
  std::vector<std::string> names, own_names;
  for (const auto& [name, value] : graph::named_values(returned, form.returned_type))
    own_names.push_back(name);
  names = own_names;
  std::copy_n(options.output_names.begin(), std::min(names.size(), options.output_names.size()),
              names.begin());
  if (names.empty())
    throw Error(
        "it returns no tensor and no number, but " +
        (returned.isNone() ? "None" : "a value of type " + graph::type_name(returned.type())));
  form.output = graph::output_index(options.output, names);
  form.output_name = own_names[form.output];
}

// Throws Error if the shapes of a returned state differ from those that the call got.
void require_same_shapes(const BlockMethod& method, const std::vector<StateShapes>& before,
                         const std::vector<StateShapes>& after) {
  for (size_t i = 0; i < after.size(); ++i)
    if (!before[i].empty() && before[i] != after[i])
      throw Error(c10::str("it gets the state '", method.state_name(i), "' of ", text_of(before[i]),
                           " and returns it ",
                           after[i].empty() ? "without a tensor" : "of " + text_of(after[i]),
                           "; if it is not a state, set it to None with inputs"));
}

std::vector<StateShapes> shapes_of_states(const BlockMethod& method, const BlockState& state) {
  std::vector<StateShapes> shapes;
  for (size_t i = 0; i < method.returned_states().size(); ++i)
    shapes.push_back(shapes_of(state.returned_state(i)));
  return shapes;
}

// Limits for numbers of channels that only the weights suggest: total cost of the calls after which
// no more are tried, and number of samples of a window in layouts whose channels may be a batch.
constexpr double kMostSearchCost = int64_t{1} << 31;
constexpr int64_t kMostBatchLikeSamples = int64_t{1} << 18;

// Returns true if a number of channels that only the weights suggest is too costly to be tried in a
// layout. `cost`: cost of the calls so far.
bool is_costly(Layout layout, int64_t channels, int64_t window_frames, const CallCost& cost) {
  if (channels <= 2) return false;
  const bool may_be_batch = graph::axes_of(layout).front() != 'B';
  return cost.total() > kMostSearchCost ||
         (may_be_batch && channels * window_frames > kMostBatchLikeSamples);
}

}  // namespace

Tensor Trials::noise(int64_t windows, int64_t frames, int64_t channels) const {
  const Tensor x = Noise(/*seed=*/frames).next({windows, frames, channels}, at::kFloat);
  return x.mul_(0.25).clamp_(-1, 1).to(method_->model().device(), method_->model().dtype());
}

IValue Trials::call(const BlockForm& form, const Tensor& windows) const {
  BlockState state(method_, rate_hz_);
  return state.call(as_argument(windows, form.layout));
}

BlockForm Trials::find_form(const Windows& windows, const LoadOptions& options,
                            const std::vector<int64_t>& channels) const {
  const BlockState values(method_, rate_hz_);  // throws if the rate is missing
  const bool is_any = options.layout == Layout::kAuto;
  const CostObserver observer;
  TrialFailure failure(windows.window_frames);
  for (const Layout layout : graph::kLayouts) {
    if (!is_any && layout != options.layout) continue;
    for (const int64_t c : channels) {
      if (layout == Layout::kTime && c != 1) continue;
      if (channels.size() > 1 && is_costly(layout, c, windows.window_frames, observer.cost()))
        continue;
      BlockForm form;
      form.layout = layout;
      form.channels_in = c;
      form.complex_output = options.complex_output;
      const Tensor argument = as_argument(noise(1, windows.window_frames, c), layout);
      const WorkObserver calls;
      try {
        form = completed(windows, form, argument, options);
        if (channels.size() > 1 && c > 1 && folds_channels(windows, form)) continue;
        if (!is_any || !graph::is_time_first(layout) || computes_over_time(windows, form))
          return form;
        failure.add_independent(form);
      } catch (const OptionError&) {
        throw;
      } catch (const std::exception& e) {
        if (failure.add(e, form, calls.work().operators)) break;
      }
    }
  }
  failure.raise(*method_, values);
}

// Returns the form with its output. Calls twice, because a returned state must fit the next call.
BlockForm Trials::completed(const Windows& windows, BlockForm form, const Tensor& argument,
                            const LoadOptions& options) const {
  BlockState state(method_, rate_hz_);
  const auto initial = shapes_of_states(*method_, state);
  const IValue first = state.call(argument.clone());  // the model may write to it
  const auto returned = shapes_of_states(*method_, state);
  require_same_shapes(*method_, initial, returned);
  form.returned_type = method_->returned_type();
  choose_output(first, options, form);
  const Tensor y = output_tensor(first, form);
  form.time_axis = time_axis(windows, form, y);
  const Tensor frames = output_frames(first, form, /*is_batch=*/false);
  form.frames_out = frames.size(1);
  form.channels_out = frames.size(2);
  if (frames.numel() == 0) throw Error(c10::str("the output is empty: its shape is ", y.sizes()));
  const Tensor next = output_tensor(state.call(argument.clone()), form);
  require_same_shapes(*method_, returned, shapes_of_states(*method_, state));
  if (next.sizes() != y.sizes())
    throw Error(c10::str("the output has the shape ", y.sizes(), " after the first call and ",
                         next.sizes(), " after the second one"));
  return form;
}

// Returns true if the method also takes twice the channels. Such a method combines several channels
// in one row, as view(-1, 4000) does.
bool Trials::folds_channels(const Windows& windows, const BlockForm& form) const {
  try {
    call(form, noise(1, windows.window_frames, 2 * form.channels_in));
    return true;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return false;
  }
}

std::optional<int> Trials::time_axis(const Windows& windows, const BlockForm& form,
                                     const Tensor& y) const {
  if (y.dim() == 0) return std::nullopt;
  try {
    const Tensor x = noise(1, 2 * windows.window_frames, form.channels_in);
    const Tensor longer = output_tensor(call(form, x), form);
    if (longer.dim() == y.dim()) return longer_axis(y, longer);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {  // the model takes only one size
  }
  return likely_time_axis(y, windows, form.layout);
}

// Returns true if a change of one input frame changes more than one output frame.
bool Trials::computes_over_time(const Windows& windows, const BlockForm& form) const {
  if (!form.time_axis || form.frames_out != windows.window_frames) return true;
  const Tensor x = noise(1, windows.window_frames, form.channels_in);
  Tensor changed = x.clone();
  changed.select(1, windows.window_frames / 2).add_(1);
  const Tensor y = output_frames(call(form, x), form, /*is_batch=*/false);
  const Tensor z = output_frames(call(form, changed), form, /*is_batch=*/false);
  return y.ne(z).any(2).sum().item<int64_t>() > 1;
}

std::pair<int64_t, int64_t> Trials::output_size(const BlockForm& form, int64_t frames,
                                                int64_t channels) const {
  try {
    const IValue returned = call(form, noise(1, frames, channels));
    const Tensor y = output_frames(returned, form, /*is_batch=*/false);
    return {y.size(1), y.size(2)};
  } catch (const std::exception& e) {
    throw Error(reason_of(e));
  }
}

int64_t Trials::frames_out(const BlockForm& form, int64_t frames) const {
  try {
    return output_size(form, frames, form.channels_in).first;
  } catch (const Error& e) {
    throw Error(c10::str(method_->name(), "() does not take the last ", frames,
                         " frames of the signal: ", e.what()));
  }
}

}  // namespace torchstreamer::blocks
