#include "blocks/block_model.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "blocks/block_engine.h"
#include "blocks/method_params.h"
#include "modules/probe.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

// Limits of a window in frames and, for numbers of channels that are only likely, in samples.
constexpr int64_t kMostWindowFrames = int64_t{1} << 26, kMostTriedSamples = int64_t{1} << 22;

void require_frames(const char* name, int64_t frames, int64_t most_frames) {
  if (frames < 0 || frames > most_frames)
    throw OptionError(c10::str(name, " is ", frames, " frames; it can be 0 to ", most_frames));
}

// Returns the numbers of channels to try.
std::vector<int64_t> channels_to_try(const graph::ScriptModel& model, const LoadOptions& options,
                                     const std::optional<MethodParams>& params,
                                     int64_t window_frames) {
  if (options.each_channel) return {1};
  if (options.channels > 0) return {options.channels};
  if (params) return {params->channels_in};
  std::vector<int64_t> channels = {1, 2};
  for (const int64_t c : likely_channels(graph::floating_weights(model.module())))
    if (c > 2 && c * window_frames <= kMostTriedSamples) channels.push_back(c);
  return channels;
}

}  // namespace

Windows required_windows(const CallOptions& call, int64_t default_window_frames) {
  require_frames("window", call.window_frames, kMostWindowFrames);
  const int64_t window_frames = call.window_frames ? call.window_frames : default_window_frames;
  if (window_frames == 0 && call.hop_frames != 0)
    throw OptionError("hop is set without window: set window to the frames of one call, too");
  require_frames("hop", call.hop_frames, window_frames);
  Windows windows;
  windows.window_frames = window_frames;
  windows.hop_frames = call.hop_frames ? call.hop_frames : window_frames;
  windows.tail = call.tail == Tail::kAuto ? Tail::kPad : call.tail;
  return windows;
}

BlockModel::BlockModel(std::shared_ptr<const graph::ScriptModel> model, const LoadOptions& options)
    : model_(std::move(model)),
      options_(options),
      method_(std::make_shared<BlockMethod>(model_, options)) {
  if (options.padding != Padding::kModel)
    throw OptionError(
        "padding=valid is for streams that are planned: a model that is called block by block "
        "keeps "
        "its padding");
  const auto params = method_params(model_->module(), method_->name());
  windows_ = required_windows(options.call, params ? params->window_frames : 0);
  find_first_plan(channels_to_try(*model_, options, params, windows_.window_frames));
  options_.layout = first_->form().layout;
  channels_in_ = static_cast<int>(first_->form().channels_in);
  const bool may_take_any = !params && options.channels == 0 && channels_in_ == 1;
  if (options.each_channel || (may_take_any && takes_any_channels())) channels_in_ = 0;
}

// Plans for the first likely sample rate that the model takes, if the method takes a rate.
void BlockModel::find_first_plan(const std::vector<int64_t>& channels) {
  std::vector<int64_t> rates_hz = model_->likely_rates_hz();
  if (rates_hz.empty()) rates_hz = {0};
  std::optional<WindowsRejected> failure;
  for (const int64_t rate_hz : rates_hz) {
    try {
      first_ = std::make_shared<BlockPlan>(method_, windows_, options_, channels, rate_hz);
      return;
    } catch (const WindowsRejected& rejected) {
      if (!failure || rejected.weight > failure->weight) failure = rejected;
    }
  }
  throw *failure;
}

// A model that takes one, two and three channels takes any number.
bool BlockModel::takes_any_channels() const {
  const Trials trials(method_, first_->rate_hz());
  const auto form_of = [&](int64_t channels) {
    return trials.find_form(windows_, options_, {channels});
  };
  try {
    const BlockForm two = form_of(2), three = form_of(3);
    const int64_t one_out = first_->form().channels_out;
    return two.frames_out == first_->form().frames_out && two.frames_out == three.frames_out &&
           three.channels_out - two.channels_out == two.channels_out - one_out;
  } catch (const Error&) {
    return false;
  }
}

int BlockModel::channels_out(int channels_in) const {
  if (!options_.each_channel && channels_in != first_->form().channels_in)
    return static_cast<int>(plan_for(channels_in, first_->rate_hz())->form().channels_out);
  const int64_t engines = options_.each_channel ? channels_in : 1;
  return static_cast<int>(engines * first_->form().channels_out);
}

std::unique_ptr<Engine> BlockModel::start(int channels_in, int64_t rate_hz) const {
  graph::require_rate(*model_, rate_hz);
  if (!options_.each_channel) return std::make_unique<BlockEngine>(plan_for(channels_in, rate_hz));
  const auto plan = plan_for(1, rate_hz);
  std::vector<std::unique_ptr<Engine>> engines;
  for (int c = 0; c < channels_in; ++c) engines.push_back(std::make_unique<BlockEngine>(plan));
  return std::make_unique<EachChannelEngine>(std::move(engines), plan->form().channels_out);
}

// Throws Error if the output has another rate than that of the first plan, because all engines of a
// model have the same timing.
std::shared_ptr<const BlockPlan> BlockModel::plan_for(int64_t channels, int64_t rate_hz) const {
  if (channels_in_ != 0 && channels != channels_in_)
    throw Error(c10::str("the model takes ", channels_in_, " channels, not ", channels));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (rate_hz == 0) rate_hz = model_->sample_rate_hz();
  const int64_t needed_hz = method_->takes_rate() ? rate_hz : 0;
  auto& plan = plans_[{channels, needed_hz}];
  if (plan) return plan;
  const auto made = std::make_shared<BlockPlan>(method_, windows_, options_,
                                                std::vector<int64_t>{channels}, needed_hz);
  if (made->form().frames_out != first_->form().frames_out)
    throw Error(c10::str("a call returns ", made->form().frames_out, " frames at ", rate_hz,
                         " Hz and ", first_->form().frames_out, " at ", first_->rate_hz(),
                         " Hz: they must be the same"));
  return plan = made;
}

}  // namespace torchstreamer::blocks
