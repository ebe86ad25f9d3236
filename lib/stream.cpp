#include "stream.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

namespace torchstreamer {
namespace {

Format format_of(const Tensor& x) { return {x.scalar_type(), x.device(), {x.size(0)}}; }

// Runs a stream of the user's as a process.
class CustomLayer : public Layer {
 public:
  explicit CustomLayer(std::shared_ptr<BaseStream> stream)
      : Layer(stream->timing()), stream_(std::move(stream)) {}

  Format accept(const std::vector<Format>& in) const override {
    return in[0].with_channels(kUnknownChannels);
  }
  std::unique_ptr<State> start() const override {
    stream_->reset();
    return std::make_unique<Running>(*this);
  }
  std::string describe() const override { return stream_->describe(); }

 private:
  class Running : public State {
   public:
    explicit Running(const CustomLayer& layer)
        : layer_(layer), before_(layer.stream_->recoveries()) {}

    Tensor push(const Tensors& in, const Step& step) override {
      if (in[0].defined()) like_ = in[0].narrow(0, 0, 0);  // the format, for a push without frames
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

Optional<Tensor> BaseStream::forward(const Tensor& x, bool final) {
  const bool mono = x.defined() && x.dim() == 1 && takes_rank_1();
  if (!x.defined() || (x.dim() != 2 && !mono))
    throw Error(c10::str(describe(), " takes frames of shape ", takes_rank_1() ? "[T] or " : "",
                         "[C, T], not ",
                         x.defined() ? c10::str(x.sizes()) : "an undefined tensor"));
  if (x.scalar_type() != at::kFloat && x.scalar_type() != at::kDouble)
    throw Error(c10::str(describe(), " takes float32 or float64 frames, not ", x.scalar_type()));

  const Tensor frames = mono ? x.unsqueeze(0) : x;
  try {
    c10::InferenceMode guard;
    check(frames);
  } catch (...) {
    rethrow_as_error(name());
  }
  const int64_t frames_due = timing_.frames_out(frames_in_ + frames.size(1), final) -
                             timing_.frames_out(frames_in_, false);
  Tensor y;
  try {
    c10::InferenceMode guard;
    y = process(frames, final);
    if (y.defined() && y.dim() != 2)
      throw Error(c10::str(name(), " returned the shape ", y.sizes(), ", not [C, T]"));
    const int64_t given = y.defined() ? y.size(1) : 0;
    if (given != frames_due)
      throw Error(
          c10::str(name(), " returned ", given, " frames where its timing promises ", frames_due));
  } catch (...) {
    reset();
    rethrow_as_error(name());
  }
  frames_in_ += frames.size(1);
  if (final) reset();
  if (frames_due == 0) return {};
  // The caller's own, and outside of inference mode an ordinary tensor.
  return (mono ? y.squeeze(0) : y).clone(at::MemoryFormat::Contiguous);
}

std::string BaseStream::name() const {
  const std::string text = describe();
  return text.find('\n') == std::string::npos ? text : "the stream";
}

void BaseStream::reset() {
  frames_in_ = 0;
  clear();
}

LayerStream::LayerStream(LayerPtr layer) : BaseStream(layer->timing()), layer_(std::move(layer)) {}

void LayerStream::check(const Tensor& x) const {
  const Format format = format_of(x);
  if (!state_)
    layer_->accept({format});
  else if (!(format == format_))
    throw Error(c10::str(name(), " is in a signal of ", format_.channels(), " channels of ",
                         format_.dtype, " on ", format_.device, "; ", format.channels(), " of ",
                         format.dtype, " on ", format.device,
                         " can follow only after a final push or reset()"));
}

Tensor LayerStream::process(const Tensor& x, bool final) {
  if (!state_) {
    state_ = layer_->start();
    format_ = format_of(x);
  }
  const int64_t before = timing().frames_out(frames_in(), false), total = frames_in() + x.size(1);
  const int64_t due = timing().frames_out(total, final) - before;
  // Time-major, and a copy: the caller may use its memory again.
  const Tensor frames = x.t().clone(at::MemoryFormat::Contiguous);
  const Tensor y = state_->push({frames}, {final, before, due, {total, total, total}});
  return y.defined() ? y.t() : y;
}

void LayerStream::clear() {
  recoveries_before_ = recoveries();
  state_.reset();
}

LayerPtr layer_of(std::shared_ptr<BaseStream> stream) {
  if (const auto* own = dynamic_cast<const LayerStream*>(stream.get())) return own->layer();
  return std::make_shared<CustomLayer>(std::move(stream));
}

}  // namespace torchstreamer
