#include "torchstreamer/stream.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include "network/layer.h"
#include "support/exceptions.h"

namespace torchstreamer {
namespace {

Format format_of(const Tensor& x) { return {x.scalar_type(), x.device(), {x.size(0)}}; }

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
          c10::str(name(), " returned ", given, " frames; its timing requires ", frames_due));
  } catch (...) {
    reset();
    rethrow_as_error(name());
  }
  frames_in_ += frames.size(1);
  if (final) reset();
  if (frames_due == 0) return {};
  // Returns a copy that the caller owns. Outside of inference mode, it is an ordinary tensor.
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

struct LayerStream::Signal {
  std::unique_ptr<State> state;
  Format format;
};

LayerStream::LayerStream(LayerPtr layer) : BaseStream(layer->timing()), layer_(std::move(layer)) {}
LayerStream::~LayerStream() = default;

int64_t LayerStream::held_bytes() const { return signal_ ? signal_->state->held_bytes() : 0; }

int64_t LayerStream::recoveries() const {
  return recoveries_before_ + (signal_ ? signal_->state->recoveries() : 0);
}

std::string LayerStream::describe() const { return layer_->describe(); }

void LayerStream::check(const Tensor& x) const {
  const Format format = format_of(x);
  if (!signal_)
    layer_->accept({format});
  else if (const Format& begun = signal_->format; !(format == begun))
    throw Error(c10::str(name(), " is in a signal of ", begun.channels(), " channels of ",
                         begun.dtype, " on ", begun.device, "; ", format.channels(), " of ",
                         format.dtype, " on ", format.device,
                         " can follow only after a final push or reset()"));
}

Tensor LayerStream::process(const Tensor& x, bool final) {
  if (!signal_) signal_ = std::make_unique<Signal>(Signal{layer_->start(), format_of(x)});
  const int64_t before = timing().frames_out(frames_in(), false), total = frames_in() + x.size(1);
  const int64_t due = timing().frames_out(total, final) - before;
  // Makes a time-major copy, because the caller may reuse the memory of `x`.
  const Tensor frames = x.t().clone(at::MemoryFormat::Contiguous);
  const Tensor y = signal_->state->push({frames}, {final, before, due, {total, total, total}});
  return y.defined() ? y.t() : y;
}

void LayerStream::clear() {
  recoveries_before_ = recoveries();
  signal_.reset();
}

}  // namespace torchstreamer
