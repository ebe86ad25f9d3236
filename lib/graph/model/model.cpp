#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>

#include "graph/model/script_model.h"
#include "streams/each_channel.h"
#include "support/exceptions.h"
#include "torchstreamer/load.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {

// The device by its full name ("cuda" is "cuda:0"), as tensors on it say it.
at::Device graph::usable_device(const std::string& name) {
  try {
    const at::Device device(name);
    if (device.type() == at::kMeta) throw Error("it holds no samples");
    return at::empty({1}, at::TensorOptions(at::kFloat).device(device)).device();
  } catch (const std::exception& e) {
    throw OptionError(c10::str("device '", name, "' is not available: ", reason_of(e)));
  }
}

namespace {

// `options.channels` 0 becomes the number that was found to do. Throws Refusal, OptionError.
LayerPtr plan(const graph::ScriptModel& script, LoadOptions& options) {
  if (!options.each_channel) return script.plan(options);
  try {
    options.channels = 1;
    return each_channel_layer(script.plan(options));
  } catch (const Error&) {
    // For one channel only, or for any number?
    options.channels = 0;
    script.plan(options);
  }
  throw OptionError(c10::str("the model takes ", options.channels,
                             " channels, so it cannot run over each channel by itself: for that it "
                             "must take one"));
}

// A network that takes interleaved float32 frames in main memory as they are.
class DirectEngine : public Engine {
 public:
  DirectEngine(LayerPtr network, int channels)
      : network_(std::move(network)), channels_(channels), state_(network_->start()) {}

  const Timing& timing() const override { return network_->timing(); }
  int64_t held_bytes() const override { return state_ ? state_->held_bytes() : 0; }
  int64_t recoveries() const override {
    return recoveries_before_ + (state_ ? state_->recoveries() : 0);
  }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override {
    if (!state_) state_ = network_->start();
    const int64_t total = frames_in() + frames;
    state_->push_frames(static_cast<const float*>(in ? in[0] : nullptr), frames, channels_,
                        {final, frames_out(), frames_due(frames, final), {total, total, total}},
                        static_cast<float*>(out ? out[0] : nullptr));
  }
  // The next push begins the next signal: what ends one cannot fail any more.
  void clear() override {
    recoveries_before_ = recoveries();
    state_.reset();
  }

  LayerPtr network_;
  int64_t channels_;
  std::unique_ptr<State> state_;   // of the first signal from the beginning, as preparation
  int64_t recoveries_before_ = 0;  // in the signals that have ended
};

// A network of another type, or on another device.
class NetworkEngine : public Engine {
 public:
  NetworkEngine(LayerPtr network, int channels, at::TensorOptions runs_in)
      : stream_(std::move(network)), channels_(channels), runs_in_(runs_in) {}

  const Timing& timing() const override { return stream_.timing(); }
  int64_t held_bytes() const override { return stream_.held_bytes(); }
  int64_t recoveries() const override { return stream_.recoveries(); }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override {
    // Read only: the stream copies its input.
    auto* samples = static_cast<float*>(const_cast<void*>(in ? in[0] : nullptr));
    const Tensor x = frames > 0 ? at::from_blob(samples, {frames, channels_}, at::kFloat)
                                : at::empty({0, channels_}, at::kFloat);
    const auto y = stream_.forward(x.t().to(runs_in_), final);
    if (y) at::from_blob(out[0], {y->size(1), y->size(0)}, at::kFloat).copy_(y->t());
  }
  void clear() override { stream_.reset(); }

  LayerStream stream_;
  int64_t channels_;
  at::TensorOptions runs_in_;
};

// What the user of an element, which has no such property, says in the way of OpenMP.
int asked_threads() {
  const char* asked = std::getenv("OMP_NUM_THREADS");
  const int64_t threads = asked ? std::strtoll(asked, nullptr, 10) : 1;
  return static_cast<int>(std::clamp<int64_t>(threads, 1, 1024));
}

class ScriptedModel : public Model {
 public:
  ScriptedModel(const char* path, const LoadOptions& options)
      : script_(path, graph::usable_device(options.device)), options_(options) {
    LoadOptions found = options_;
    first_ = plan(script_, found);
    if (options_.each_channel) return;
    channels_in_ = static_cast<int>(found.channels);
    networks_[channels_in_] = first_;
    if (channels_in_ != 1) return;
    const auto of_two = made_of(2), of_three = made_of(3);
    if (!of_two || !of_three) return;
    const int of_one = channels_out(1);
    if (*of_three - *of_two == *of_two - of_one) more_for_each_ = *of_two - of_one;
    channels_in_ = 0;
  }

  int channels_in() const override { return channels_in_; }

  // Negotiation asks for many numbers, and a plan takes time: where it can be known without, it is.
  int channels_out(int channels_in) const override {
    if (more_for_each_) return channels_after(*first_, 1) + (channels_in - 1) * *more_for_each_;
    return channels_after(*network(channels_in), channels_in);
  }

  const Timing& timing() const override { return first_->timing(); }

  uint64_t channel_mask() const override { return script_.channel_mask(); }

  int64_t weights_bytes() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    int64_t bytes = script_.weights_bytes();
    for (const auto& [channels, network] : networks_)
      if (network) bytes += network->packed_bytes();
    return bytes + (options_.each_channel ? first_->packed_bytes() : 0);
  }

  std::unique_ptr<Engine> start(int channels_in) const override {
    if (script_.dtype() == at::kFloat && script_.device().is_cpu())
      return std::make_unique<DirectEngine>(network(channels_in), channels_in);
    const auto runs_in = at::TensorOptions(script_.dtype()).device(script_.device());
    return std::make_unique<NetworkEngine>(network(channels_in), channels_in, runs_in);
  }

 private:
  int channels_after(const Layer& network, int channels_in) const {
    c10::InferenceMode guard;
    const Format in{script_.dtype(), script_.device(), {channels_in}};
    return static_cast<int>(network.accept({in}).channels());
  }

  // What comes out for so many channels; none where the model does not take them. A model that
  // takes one, two and three has no opinion. Nothing is compiled to find out.
  std::optional<int> made_of(int channels) const {
    LoadOptions options = options_;
    options.channels = channels;
    options.execution = Execution::kReference;
    try {
      return channels_after(*script_.plan(options), channels);
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  // Refusals are remembered, too: negotiation asks again and again. What fails for other reasons,
  // such as memory, may work the next time.
  LayerPtr network(int64_t channels) const {
    if (options_.each_channel) return first_;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (const auto it = refusals_.find(channels); it != refusals_.end())
      std::rethrow_exception(it->second);
    LayerPtr& known = networks_[channels];
    try {
      LoadOptions options = options_;
      options.channels = channels;
      if (!known) known = script_.plan(options);
    } catch (const Error&) {
      refusals_[channels] = std::current_exception();
      throw;
    }
    return known;
  }

  graph::ScriptModel script_;
  LoadOptions options_;
  int channels_in_ = 0;  // any number
  // Where every channel of input makes as many more of output: how many.
  std::optional<int> more_for_each_;
  LayerPtr first_;  // that was found
  mutable std::mutex mutex_;
  mutable std::map<int64_t, LayerPtr> networks_;  // by channels
  mutable std::map<int64_t, std::exception_ptr> refusals_;
};

}  // namespace

std::shared_ptr<BaseStream> load_stream(const std::string& path, LoadOptions options) {
  try {
    return std::make_shared<LayerStream>(
        plan(graph::ScriptModel(path, graph::usable_device(options.device)), options));
  } catch (...) {
    rethrow_as_error("'" + path + "'");
  }
}

std::shared_ptr<const Model> load_model(const std::string& path, const LoadOptions& options) {
  try {
    return std::make_shared<ScriptedModel>(path.c_str(), options);
  } catch (...) {
    rethrow_as_error("'" + path + "'");
  }
}

}  // namespace torchstreamer

torchstreamer::Model* torchstreamer_load_model(const char* path,
                                               const torchstreamer::LoadOptions& options) {
  static const bool once = (torchstreamer::set_threads(torchstreamer::asked_threads()), true);
  (void)once;
  try {
    return new torchstreamer::ScriptedModel(path, options);
  } catch (...) {
    torchstreamer::rethrow_as_error(std::string("'") + path + "'");
  }
}
