#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <exception>
#include <map>
#include <mutex>

#include "engine.h"
#include "graph/load.h"
#include "torchstreamer.h"

namespace torchstreamer {
namespace {

// A network over interleaved float32 frames.
class NetworkEngine : public Engine {
 public:
  NetworkEngine(LayerPtr network, int channels)
      : stream_(std::move(network)), channels_(channels) {}

  const Timing& timing() const override { return stream_.timing(); }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override {
    // Read only: the stream copies its input.
    auto* samples = static_cast<float*>(const_cast<void*>(in ? in[0] : nullptr));
    const Tensor x = frames > 0 ? at::from_blob(samples, {frames, channels_}, at::kFloat)
                                : at::empty({0, channels_}, at::kFloat);
    const auto y = stream_.forward(x.t(), final);
    if (!y) return;
    c10::InferenceMode guard;
    at::from_blob(out[0], {y->size(1), y->size(0)}, at::kFloat).copy_(y->t());
  }
  void clear() override { stream_.reset(); }

  LayerStream stream_;
  int64_t channels_;
};

class ScriptedModel : public Model {
 public:
  ScriptedModel(const char* path, Padding padding, const char* device)
      : script_(path, at::Device(device)), padding_(padding) {
    int64_t least = 0;
    networks_[0] = script_.plan(padding_, least);
    channels_in_ = static_cast<int>(least);
    networks_[channels_in_] = networks_[0];
    if (takes_any()) channels_in_ = 0;
  }

  int channels_in() const override { return channels_in_; }

  int channels_out(int channels_in) const override {
    const Format in{at::kFloat, at::kCPU, {channels_in}};
    return static_cast<int>(network(channels_in)->accept({in}).channels());
  }

  const Timing& timing() const override { return networks_.at(0)->timing(); }

  std::unique_ptr<Engine> start(int channels_in) const override {
    return std::make_unique<NetworkEngine>(network(channels_in), channels_in);
  }

 private:
  // A model that takes one channel and two as well has no opinion.
  bool takes_any() const {
    if (channels_in_ != 1) return false;
    try {
      network(2);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  // Refusals are remembered, too: negotiation asks again and again.
  LayerPtr network(int64_t channels) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (const auto it = refusals_.find(channels); it != refusals_.end())
      std::rethrow_exception(it->second);
    LayerPtr& known = networks_[channels];
    try {
      if (!known) known = script_.plan(padding_, channels);
    } catch (...) {
      refusals_[channels] = std::current_exception();
      throw;
    }
    return known;
  }

  graph::ScriptModel script_;
  Padding padding_;
  int channels_in_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<int64_t, LayerPtr> networks_;  // by channels; 0: the first that was found
  mutable std::map<int64_t, std::exception_ptr> refusals_;
};

}  // namespace

std::shared_ptr<BaseStream> load_stream(const std::string& path, Padding padding) {
  int64_t channels = 0;
  return std::make_shared<LayerStream>(graph::ScriptModel(path, at::kCPU).plan(padding, channels));
}

}  // namespace torchstreamer

torchstreamer::Model* torchstreamer_load_model(const char* path, torchstreamer::Padding padding,
                                               const char* device) {
  // Many streams share the cores; one stream keeps to one.
  static const bool once = (at::set_num_threads(1), true);
  (void)once;
  try {
    return new torchstreamer::ScriptedModel(path, padding, device);
  } catch (const c10::Error& e) {
    throw torchstreamer::Error(e.what_without_backtrace());
  }
}
