#include "blocks/block_model.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "blocks/block_engine.h"
#include "blocks/first_form.h"
#include "support/wrong_option.h"

namespace torchstreamer::blocks {
namespace {

void require_frames(const char* name, int64_t frames, int64_t most_frames) {
  if (frames < 0 || frames > most_frames)
    throw WrongOption(name,
                      c10::str(name, " is ", frames, " frames; it can be 0 to ", most_frames));
}

}  // namespace

Windows required_windows(const CallOptions& call, int64_t default_window_frames) {
  require_frames("window", call.window_frames, kMostWindowFrames);
  const int64_t window_frames = call.window_frames ? call.window_frames : default_window_frames;
  if (window_frames == 0 && call.hop_frames != 0)
    throw WrongOption("hop",
                      "hop is set without window: set window to the frames of one call, too");
  require_frames("hop", call.hop_frames, window_frames);
  Windows windows;
  windows.window_frames = window_frames;
  windows.hop_frames = call.hop_frames ? call.hop_frames : window_frames;
  windows.tail = call.tail == Tail::kAuto ? Tail::kPad : call.tail;
  return windows;
}

BlockModel::BlockModel(std::shared_ptr<const graph::ScriptModel> model, const LoadOptions& options)
    : model_(std::move(model)),
      given_options_(options),
      options_(options),
      method_(std::make_shared<BlockMethod>(model_, options)) {
  if (options.padding != Padding::kModel)
    throw OptionError(
        "padding=valid is for streams that are planned: a model that is called block by block "
        "keeps its padding");
  const auto params = method_params(model_->module(), method_->name());
  windows_ = required_windows(options.call, params ? params->window_frames : 0);
  const auto [form, rate_hz] = first_form(method_, windows_, options_, params);
  first_ = std::make_shared<BlockPlan>(method_, windows_, form, rate_hz);
  if (params) compare_with(*params);
  options_.layout = first_->form().layout;
  channels_in_ = static_cast<int>(first_->form().channels_in);
  plans_[{first_->form().channels_in, first_->rate_hz()}] = first_;
  if (options.each_channel) {
    channels_out_per_channel_ = first_->form().channels_out;
    channels_in_ = 0;
  } else if (!params && options.channels == 0 && channels_in_ == 1) {
    if (const auto per_channel = channels_out_per_channel()) {
      channels_out_per_channel_ = *per_channel;
      channels_in_ = 0;
    }
  }
}

// The description is that of the first output for the described channels.
void BlockModel::compare_with(const MethodParams& params) {
  const BlockForm& form = first_->form();
  if (!options_.output.empty() || options_.complex_output != ComplexOutput::kRefused ||
      form.channels_in != params.channels_in)
    return;
  const std::string text = difference(params, method_->name(), windows_.window_frames,
                                      form.frames_out, form.channels_out);
  if (!text.empty()) warnings_.push_back(text);
}

// Returns the number of output channels that each input channel adds, if the model takes any number
// of channels.
std::optional<int64_t> BlockModel::channels_out_per_channel() const {
  const Trials trials(method_, first_->rate_hz());
  const BlockForm& one = first_->form();
  return graph::any_channels(one.channels_out,
                             [&](int64_t channels) -> std::optional<int64_t> {
                               try {
                                 const auto [frames, channels_out] =
                                     trials.output_size(one, windows_.window_frames, channels);
                                 if (frames == one.frames_out) return channels_out;
                                 // The axes of the output depend on the number of channels.
                                 const BlockForm form =
                                     trials.find_form(windows_, options_, {channels});
                                 if (form.frames_out == one.frames_out) return form.channels_out;
                               } catch (const Error&) {  // the model does not take them
                               }
                               return std::nullopt;
                             })
      .added_channels_out;
}

void BlockModel::require_channels(int channels_in) const {
  if (channels_in < 1 || (channels_in_ != 0 && channels_in != channels_in_))
    throw Error(c10::str("the model takes ",
                         channels_in_ ? std::to_string(channels_in_) : "one or more",
                         " channels, not ", channels_in));
}

// Negotiation calls this for many numbers of channels.
int BlockModel::channels_out(int channels_in) const {
  require_channels(channels_in);
  const int64_t added = (channels_in - first_->form().channels_in) * channels_out_per_channel_;
  return static_cast<int>(first_->form().channels_out + added);
}

std::unique_ptr<Engine> BlockModel::start(int channels_in, int64_t rate_hz) const {
  require_channels(channels_in);
  graph::require_rate(*model_, rate_hz);
  if (!options_.each_channel) return std::make_unique<BlockEngine>(plan_for(channels_in, rate_hz));
  const auto plan = plan_for(1, rate_hz);
  std::vector<std::unique_ptr<Engine>> engines;
  for (int c = 0; c < channels_in; ++c) engines.push_back(std::make_unique<BlockEngine>(plan));
  return std::make_unique<EachChannelEngine>(std::move(engines), plan->form().channels_out);
}

std::vector<std::string> BlockModel::warnings() const {
  std::vector<std::string> warnings = model_->settings().warnings;
  for (const auto& more : {method_->warnings(), warnings_})
    warnings.insert(warnings.end(), more.begin(), more.end());
  return warnings;
}

std::unique_ptr<Model> BlockModel::with_inputs(const NamedValues& inputs) const {
  LoadOptions options = given_options_;
  options.call.inputs = inputs;
  return std::make_unique<BlockModel>(model_, with_settings(options, model_->settings()));
}

// The output must have the rate and the channels of the first plan, because timing() and
// channels_out() are those of all engines.
std::shared_ptr<const BlockPlan> BlockModel::plan_for(int64_t channels, int64_t rate_hz) const {
  if (rate_hz == 0) rate_hz = model_->sample_rate_hz();
  const Key key(channels, method_->takes_rate() ? rate_hz : 0);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = plans_.find(key);
  if (known != plans_.end()) return known->second;
  const auto plan = std::make_shared<BlockPlan>(
      method_, windows_, Trials(method_, key.second).find_form(windows_, options_, {channels}),
      key.second);
  const auto output = [](int64_t frames, int64_t channels_out) {
    return c10::str(frames, " frames of ", channels_out, " channels");
  };
  const int64_t expected_channels = options_.each_channel
                                        ? first_->form().channels_out
                                        : channels_out(static_cast<int>(channels));
  const auto expected = output(first_->form().frames_out, expected_channels);
  const auto found = output(plan->form().frames_out, plan->form().channels_out);
  if (found != expected)
    throw Error(c10::str("a call returns ", found, " at ", rate_hz, " Hz and ", expected, " at ",
                         first_->rate_hz(), " Hz: they must be the same"));
  plans_[key] = plan;
  return plan;
}

}  // namespace torchstreamer::blocks
