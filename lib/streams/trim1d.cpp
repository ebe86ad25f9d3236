#include "streams/trim1d.h"

#include "frames/queue.h"
#include "frames/window.h"

namespace torchstreamer {
namespace {

class Trim1dLayer : public Layer {
 public:
  Trim1dLayer(int64_t start, Timing::LengthRule cut, std::string what)
      : Layer(Timing::trim(start, std::move(cut))), start_(start), what_(std::move(what)) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }
  std::unique_ptr<State> start() const override { return std::make_unique<Running>(start_); }
  std::string describe() const override { return "Trim(" + what_ + ")"; }

 private:
  class Running : public State {
   public:
    explicit Running(int64_t start) { queue_.drop(start); }

    Tensor push(const Tensors& in, const Step& step) override {
      queue_.append(in[0]);
      return queue_.take(step.frames);
    }
    int64_t held_bytes() const override { return queue_.held_bytes(); }

   private:
    TensorQueue queue_;
  };

  int64_t start_;
  std::string what_;
};

class Stride1dLayer : public Layer {
 public:
  explicit Stride1dLayer(int64_t step) : Layer(Timing::window(1, step)), step_(step) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }
  std::unique_ptr<State> start() const override {
    return std::make_unique<Window>(1, step_, [this](const Tensor& frames, const Step&) {
      return frames.slice(0, 0, {}, step_);
    });
  }
  std::string describe() const override { return "Stride(" + std::to_string(step_) + ")"; }

 private:
  int64_t step_;
};

}  // namespace

LayerPtr stride1d_layer(int64_t step) { return std::make_shared<Stride1dLayer>(step); }

LayerPtr trim1d_layer(int64_t start, Timing::LengthRule cut, std::string what) {
  return std::make_shared<Trim1dLayer>(start, std::move(cut), std::move(what));
}

}  // namespace torchstreamer
