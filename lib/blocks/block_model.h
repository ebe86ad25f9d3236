// Models that are called block by block.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "blocks/block_plan.h"
#include "blocks/method/method_params.h"
#include "torchstreamer/engine.h"

namespace torchstreamer::blocks {

/// Returns the windows that the options require; `window_frames` is 0 if they require none. Throws
/// OptionError if the window is negative or too long, if the hop is negative or longer than the
/// window, or if there is a hop without a window.
Windows required_windows(const CallOptions& call, int64_t default_window_frames);

/// A model whose method is called for each window of the signal. The form of the calls is found by
/// trials, for each number of channels and, if the method takes it, each sample rate. Thread-safe.
class BlockModel : public Model {
 public:
  /// Throws Error if the model does not take the windows, OptionError, Refusal.
  BlockModel(std::shared_ptr<const graph::ScriptModel> model, const LoadOptions& options);

  int channels_in() const override { return channels_in_; }
  int channels_out(int channels_in) const override;
  const Timing& timing() const override { return first_->timing(); }
  uint64_t channel_mask() const override { return model_->channel_mask(); }
  int64_t sample_rate_hz() const override { return model_->sample_rate_hz(); }
  int64_t weights_bytes() const override { return model_->weights_bytes(); }
  std::vector<std::string> remarks() const override { return model_->remarks(); }
  std::vector<std::string> warnings() const override;
  int64_t window_frames() const override { return first_->windows().window_frames; }
  int64_t hop_frames() const override { return first_->windows().hop_frames; }
  using Model::start;
  std::unique_ptr<Engine> start(int channels_in, int64_t rate_hz) const override;
  std::unique_ptr<Model> with_inputs(const NamedValues& inputs) const override;

  /// The calls for the smallest number of channels.
  const BlockPlan& first_plan() const { return *first_; }

 private:
  using Key = std::pair<int64_t, int64_t>;  // channels, sample rate

  void compare_with(const MethodParams& params);
  std::optional<int64_t> channels_out_per_channel() const;
  void require_channels(int channels_in) const;
  std::shared_ptr<const BlockPlan> plan_for(int64_t channels, int64_t rate_hz) const;

  std::shared_ptr<const graph::ScriptModel> model_;
  LoadOptions given_options_, options_;
  std::shared_ptr<const BlockMethod> method_;
  Windows windows_;
  std::shared_ptr<const BlockPlan> first_;
  std::vector<std::string> warnings_;     // about the description of the method
  int channels_in_ = 0;                   // 0: any number
  int64_t channels_out_per_channel_ = 0;  // output channels that each input channel adds
  mutable std::mutex mutex_;
  mutable std::map<Key, std::shared_ptr<const BlockPlan>> plans_;
};

}  // namespace torchstreamer::blocks
