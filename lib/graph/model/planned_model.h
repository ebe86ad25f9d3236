// Model files as models over raw frames.
#pragma once

#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "graph/model/model_file.h"

namespace torchstreamer::graph {

/// Plans the network of a model file, independently for each channel if `options` require it. If
/// `options.channels` is 0, it is set to a number of channels that the model accepts. Throws
/// Refusal, OptionError.
LayerPtr plan_network(const ModelFile& file, LoadOptions& options);

/// The network of a model for a sample rate.
struct PlanAtRate {
  int64_t rate_hz = 0;                    ///< 0: see ModelFile::at_rate()
  std::shared_ptr<const ModelFile> file;  ///< the model for this rate
  LayerPtr network;
};

/// The same for a sample rate; 0: the first one of the likely rates for which the model is not
/// refused.
PlanAtRate plan_at_rate(const ModelFile& file, int64_t rate_hz, LoadOptions& options);

/// A model that is planned for each requested number of channels and, if the sample rate is one of
/// its arguments, for each rate. Networks and refusals are kept, because negotiation requests the
/// same numbers again. A model that needs the rate is first planned for a likely one: timing() and
/// channels_out() are those for this rate. Thread-safe.
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
  std::vector<std::string> warnings() const override { return file_->settings().warnings; }
  using Model::start;
  std::unique_ptr<Engine> start(int channels_in, int64_t rate_hz) const override {
    return start(channels_in, rate_hz, nullptr);
  }
  std::unique_ptr<Engine> start(int channels_in, int64_t rate_hz,
                                const std::shared_ptr<Group>& group) const override;
  std::shared_ptr<Group> make_group(const GroupOptions& options) const override;
  std::unique_ptr<Model> with_inputs(const NamedValues& inputs) const override;

 private:
  // Number of channels and sample rate; the rate is 0 if it has no effect.
  using Key = std::pair<int64_t, int64_t>;

  std::shared_ptr<const ModelFile> file_at(int64_t rate_hz) const;
  Format format(int64_t channels) const;
  int channels_after(const Layer& network, int channels_in) const;
  std::optional<int64_t> planned_channels_out(int64_t channels_in) const;
  void find_channels();
  LayerPtr network(int64_t channels, int64_t rate_hz) const;
  void require_output_as_first(const Layer& network, int channels_in, int64_t rate_hz) const;

  std::shared_ptr<const ModelFile> file_;
  LoadOptions given_options_, options_;
  bool takes_rate_;
  int64_t likely_rate_hz_ = 0;  // of the first plan
  int channels_in_ = 0;         // 0: any number
  // Output channels added by each additional input channel, if that number is constant.
  std::optional<int64_t> channels_out_per_channel_;
  LayerPtr first_;  // the network of the first plan
  mutable std::mutex mutex_;
  mutable std::map<Key, LayerPtr> networks_;
  mutable std::map<Key, std::exception_ptr> refusals_;
};

}  // namespace torchstreamer::graph
