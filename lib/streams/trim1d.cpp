#include "streams/trim1d.h"

#include "frames/queue.h"

namespace torchstreamer {
namespace {

class Trim1dLayer : public Layer {
 public:
  Trim1dLayer(int64_t start, std::function<int64_t(int64_t)> cut, std::string what)
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

   private:
    TensorQueue queue_;
  };

  int64_t start_;
  std::string what_;
};

}  // namespace

LayerPtr trim1d_layer(int64_t start, std::function<int64_t(int64_t)> cut, std::string what) {
  return std::make_shared<Trim1dLayer>(start, std::move(cut), std::move(what));
}

}  // namespace torchstreamer
