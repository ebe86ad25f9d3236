#include "streams/each_channel.h"

#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

namespace torchstreamer {
namespace {

class EachChannelLayer : public Layer {
 public:
  explicit EachChannelLayer(LayerPtr mono) : Layer(mono->timing()), mono_(std::move(mono)) {}

  Format accept(const std::vector<Format>& in) const override {
    const Format out = mono_->accept({in[0].with_channels(1)});
    const bool is_known = in[0].channels() != kUnknownChannels;
    return out.with_channels(is_known ? in[0].channels() * out.channels() : kUnknownChannels);
  }

  std::unique_ptr<State> start() const override {
    return std::make_unique<EachChannelState>(*this);
  }

  int64_t packed_bytes() const override { return mono_->packed_bytes(); }

  std::string describe() const override {
    return "each channel independently:\n" + mono_->describe();
  }

  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    return in[0].channels() * mono_->multiply_adds_per_frame({in[0].with_channels(1)});
  }

  int64_t window_samples(const std::vector<Format>& in) const override {
    return in[0].channels() * mono_->window_samples({in[0].with_channels(1)});
  }

 private:
  class EachChannelState : public State {
   public:
    // Starts the first channel to prepare the memory that all channels share.
    explicit EachChannelState(const EachChannelLayer& layer) : layer_(layer) { start_channels(1); }

    Tensor push(const Tensors& in, const Step& step) override {
      if (in[0].defined()) start_channels(in[0].size(1));
      Tensors out;
      for (size_t c = 0; c < channels_.size(); ++c) {
        // Makes the channel contiguous, so that its output has the same bits as that of a mono
        // signal.
        const Tensor x = in[0].defined() ? in[0].narrow(1, c, 1).contiguous() : in[0];
        const Tensor y = channels_[c]->push({x}, step);
        if (y.defined()) out.push_back(y);
      }
      return out.empty() ? Tensor() : at::cat(out, 1);
    }

    void push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                     float* out) override {
      if (channels_out_ == 0) {
        c10::InferenceMode guard;  // the mode in which the weights were created
        channels_out_ = layer_.mono_->accept({Format{at::kFloat, at::kCPU, {1}}}).channels();
      }
      start_channels(channels);
      mono_in_.resize(frames);
      mono_out_.resize(step.frames * channels_out_);
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t f = 0; f < frames; ++f) mono_in_[f] = in[f * channels + c];
        channels_[c]->push_frames(mono_in_.data(), frames, 1, step, mono_out_.data());
        for (int64_t f = 0; f < step.frames; ++f)
          std::copy_n(mono_out_.data() + f * channels_out_, channels_out_,
                      out + (f * channels + c) * channels_out_);
      }
    }

    int64_t held_bytes() const override {
      int64_t bytes = 0;
      for (const auto& channel : channels_) bytes += channel->held_bytes();
      return bytes;
    }

    int64_t recoveries() const override {
      int64_t recoveries = 0;
      for (const auto& channel : channels_) recoveries += channel->recoveries();
      return recoveries;
    }

   private:
    void start_channels(int64_t count) {
      while (static_cast<int64_t>(channels_.size()) < count)
        channels_.push_back(layer_.mono_->start());
    }

    const EachChannelLayer& layer_;
    std::vector<std::unique_ptr<State>> channels_;  // created for the channels of the first frames
    int64_t channels_out_ = 0;                      // output channels of each channel
    std::vector<float> mono_in_, mono_out_;
  };

  LayerPtr mono_;
};

}  // namespace

LayerPtr each_channel_layer(LayerPtr mono) {
  return std::make_shared<EachChannelLayer>(std::move(mono));
}

}  // namespace torchstreamer
