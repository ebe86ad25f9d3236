#include "modules/custom_layer.h"

namespace torchstreamer {
namespace {

// Runs the stream class of an application as a process.
class CustomLayer : public Layer {
 public:
  explicit CustomLayer(std::shared_ptr<BaseStream> stream)
      : Layer(stream->timing()), stream_(std::move(stream)) {}

  Format accept(const std::vector<Format>& in) const override {
    return in[0].with_channels(kUnknownChannels);
  }
  std::unique_ptr<State> start() const override {
    stream_->reset();
    return std::make_unique<CustomState>(*this);
  }
  std::string describe() const override { return stream_->describe(); }

 private:
  class CustomState : public State {
   public:
    explicit CustomState(const CustomLayer& layer)
        : layer_(layer), before_(layer.stream_->recoveries()) {}

    Tensor push(const Tensors& in, const Step& step) override {
      // Keeps the format for pushes without frames.
      if (in[0].defined()) like_ = in[0].narrow(0, 0, 0);
      if (!like_.defined()) return {};
      const auto y = layer_.stream_->forward((in[0].defined() ? in[0] : like_).t(), step.final);
      return y ? y->t() : Tensor();
    }
    int64_t held_bytes() const override { return layer_.stream_->held_bytes(); }
    int64_t recoveries() const override { return layer_.stream_->recoveries() - before_; }

   private:
    const CustomLayer& layer_;
    Tensor like_;
    int64_t before_;  // recoveries of earlier signals
  };

  std::shared_ptr<BaseStream> stream_;
};

}  // namespace

LayerPtr layer_of(std::shared_ptr<BaseStream> stream) {
  if (const auto* own = dynamic_cast<const LayerStream*>(stream.get())) return own->layer();
  return std::make_shared<CustomLayer>(std::move(stream));
}

}  // namespace torchstreamer
