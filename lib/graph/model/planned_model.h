// Model files as models over raw frames.
#pragma once

#include <exception>
#include <map>
#include <mutex>
#include <optional>

#include "graph/model/model_file.h"

namespace torchstreamer::graph {

/// Plans the network of a model file, independently for each channel if `options` require it. If
/// `options.channels` is 0, it is set to a number of channels that the model accepts. Throws
/// Refusal, OptionError.
LayerPtr plan_network(const ModelFile& file, LoadOptions& options);

/// A model that is planned for each requested number of channels. Networks and refusals are kept,
/// because negotiation requests the same numbers again. Thread-safe.
class PlannedModel : public Model {
 public:
  /// Throws Refusal, OptionError.
  PlannedModel(std::shared_ptr<const ModelFile> file, const LoadOptions& options);

  int channels_in() const override { return channels_in_; }
  int channels_out(int channels_in) const override;
  const Timing& timing() const override { return first_->timing(); }
  uint64_t channel_mask() const override { return file_->channel_mask(); }
  int64_t sample_rate_hz() const override { return file_->sample_rate_hz(); }
  int64_t weights_bytes() const override;
  std::vector<std::string> remarks() const override { return file_->remarks(); }
  using Model::start;
  std::unique_ptr<Engine> start(int channels_in, int64_t rate_hz) const override;

 private:
  Format format(int64_t channels) const;
  int channels_after(const Layer& network, int channels_in) const;
  std::optional<int> planned_channels_out(int channels_in) const;
  void find_channels();
  LayerPtr network(int64_t channels) const;

  std::shared_ptr<const ModelFile> file_;
  LoadOptions options_;
  int channels_in_ = 0;  // 0: any number
  // Output channels added by each additional input channel, if that number is constant.
  std::optional<int> channels_out_per_channel_;
  LayerPtr first_;  // the network of the first plan
  mutable std::mutex mutex_;
  mutable std::map<int64_t, LayerPtr> networks_;  // by number of input channels
  mutable std::map<int64_t, std::exception_ptr> refusals_;
};

}  // namespace torchstreamer::graph
