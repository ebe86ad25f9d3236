#include "graph/model/planned_model.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include "engine/engine_group.h"
#include "graph/model/engines.h"
#include "streams/each_channel.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {

LayerPtr plan_network(const ModelFile& file, LoadOptions& options) {
  if (!options.each_channel) return file.plan(options);
  try {
    options.channels = 1;
    return each_channel_layer(file.plan(options));
  } catch (const Error&) {
    // Throws the refusal of the model, or finds the number of channels that it takes.
    options.channels = 0;
    file.plan(options);
  }
  throw OptionError(
      c10::str("a model that runs on each channel independently must take one "
               "channel; this model takes ",
               options.channels));
}

// Throws the error for the likeliest rate.
PlanAtRate plan_at_rate(const ModelFile& file, int64_t rate_hz, LoadOptions& options) {
  std::vector<int64_t> rates_hz = {rate_hz};
  if (const auto likely = file.likely_rates_hz(); rate_hz == 0 && !likely.empty())
    rates_hz = likely;
  std::exception_ptr error;
  for (const int64_t tried_hz : rates_hz) {
    LoadOptions found = options;
    try {
      PlanAtRate plan{tried_hz, file.at_rate(tried_hz), nullptr};
      plan.network = plan_network(*plan.file, found);
      options = found;
      return plan;
    } catch (const OptionError&) {
      throw;
    } catch (const Error&) {
      if (!error) error = std::current_exception();
    }
  }
  std::rethrow_exception(error);
}

PlannedModel::PlannedModel(std::shared_ptr<const ModelFile> file, const LoadOptions& options)
    : file_(std::move(file)),
      given_options_(options),
      options_(options),
      takes_rate_(!file_->likely_rates_hz().empty()) {
  LoadOptions found = options_;
  const PlanAtRate plan = plan_at_rate(*file_, 0, found);
  first_ = plan.network;
  likely_rate_hz_ = plan.rate_hz;
  options_.layout = found.layout;
  networks_[{found.channels, likely_rate_hz_}] = first_;
  if (options_.each_channel) return;
  channels_in_ = static_cast<int>(found.channels);
  if (channels_in_ == 1) find_channels();
}

std::shared_ptr<const ModelFile> PlannedModel::file_at(int64_t rate_hz) const {
  return takes_rate_ ? file_->at_rate(rate_hz) : file_;
}

void PlannedModel::find_channels() {
  const AnyChannels any = any_channels(
      channels_out(1), [this](int64_t channels) { return planned_channels_out(channels); });
  if (!any.are_taken) return;
  channels_out_per_channel_ = any.added_channels_out;
  channels_in_ = 0;
}

// Negotiation calls this for many numbers of channels. Most results are computed without planning,
// which takes time.
int PlannedModel::channels_out(int channels_in) const {
  if (channels_out_per_channel_)
    return static_cast<int>(channels_after(*first_, 1) +
                            (channels_in - 1) * *channels_out_per_channel_);
  return channels_after(*network(channels_in, likely_rate_hz_), channels_in);
}

int64_t PlannedModel::weights_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  int64_t bytes = file_->weights_bytes();
  for (const auto& [channels, network] : networks_)
    if (network) bytes += network->packed_bytes();
  return bytes;
}

std::unique_ptr<Engine> PlannedModel::start(int channels_in, int64_t rate_hz,
                                            const std::shared_ptr<Group>& group) const {
  require_rate(*file_, rate_hz);
  const LayerPtr planned = network(channels_in, rate_hz);
  if (takes_rate_) require_output_as_first(*planned, channels_in, rate_hz);
  return make_engine(planned, format(channels_in), group);
}

std::shared_ptr<Group> PlannedModel::make_group(const GroupOptions& options) const {
  if (!first_->gains_together()) return nullptr;
  return std::make_shared<EngineGroup>(options);
}

// If the model is refused, load_model() may call it block by block or has advice.
std::unique_ptr<Model> PlannedModel::with_inputs(const NamedValues& inputs) const {
  LoadOptions options = given_options_;
  options.call.inputs = inputs;
  options = with_settings(options, file_->settings());
  try {
    return std::make_unique<PlannedModel>(file_->with_inputs(options.call.inputs), options);
  } catch (const OptionError&) {
    throw;
  } catch (const Error&) {
    return nullptr;
  }
}

// The output has been negotiated for the likely rate.
void PlannedModel::require_output_as_first(const Layer& network, int channels_in,
                                           int64_t rate_hz) const {
  const auto output = [](Rational rate, int channels) {
    return c10::str(" (rate ratio ", rate.num, "/", rate.den, ", output channels: ", channels, ")");
  };
  const auto now = output(network.timing().rate(), channels_after(network, channels_in));
  const auto first = output(timing().rate(), channels_out(channels_in));
  if (now != first)
    throw Error(c10::str("the model was planned for ",
                         likely_rate_hz_ ? c10::str(likely_rate_hz_, " Hz") : "its default rate",
                         first, " and differs for ", rate_hz, " Hz", now,
                         "; set its argument with inputs"));
}

Format PlannedModel::format(int64_t channels) const {
  return {file_->dtype(), file_->device(), {channels}};
}

int PlannedModel::channels_after(const Layer& network, int channels_in) const {
  c10::InferenceMode guard;
  return static_cast<int>(network.accept({format(channels_in)}).channels());
}

// Returns the number of output channels; none if the model does not accept `channels_in`. Compiles
// nothing.
std::optional<int64_t> PlannedModel::planned_channels_out(int64_t channels_in) const {
  LoadOptions options = options_;
  options.channels = channels_in;
  options.execution = Execution::kReference;
  try {
    return channels_after(*file_at(likely_rate_hz_)->plan(options, Proof::kNone),
                          static_cast<int>(channels_in));
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Returns the network for this number of channels and this sample rate. Exceptions other than
// Error, such as a lack of memory, are not kept: the next call may succeed.
LayerPtr PlannedModel::network(int64_t channels, int64_t rate_hz) const {
  const Key key(options_.each_channel ? 1 : channels, takes_rate_ ? rate_hz : 0);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto it = refusals_.find(key); it != refusals_.end())
    std::rethrow_exception(it->second);
  LayerPtr& known = networks_[key];
  try {
    LoadOptions options = options_;
    options.channels = channels;
    if (!known) known = plan_network(*file_at(rate_hz), options);
  } catch (const Error&) {
    refusals_[key] = std::current_exception();
    throw;
  }
  return known;
}

}  // namespace torchstreamer::graph
