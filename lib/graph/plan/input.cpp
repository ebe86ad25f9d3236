#include "graph/plan/input.h"

#include <c10/util/StringUtil.h>

#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

// Gives the signal, `[frames, C]`, the shape that forward() takes.
class InputLayer : public Layer {
 public:
  InputLayer(Format taken, std::vector<int64_t> frame)
      : Layer(Timing::pointwise()), taken_(std::move(taken)), frame_(std::move(frame)) {}

  Format accept(const std::vector<Format>& in) const override {
    if (!(in[0] == taken_))
      throw Error(c10::str("the model takes ", taken_.channels(), " channels of ", taken_.dtype,
                           " on ", taken_.device, ", not ", in[0].channels(), " of ", in[0].dtype,
                           " on ", in[0].device));
    return {taken_.dtype, taken_.device, frame_};
  }
  std::unique_ptr<State> start() const override { return std::make_unique<InputState>(frame_); }
  Computation computation() const override { return Identity{}; }
  std::string describe() const override { return "input"; }

 private:
  class InputState : public State {
   public:
    explicit InputState(const std::vector<int64_t>& frame) : shape_(frame) {
      shape_.insert(shape_.begin(), -1);
    }
    Tensor push(const Tensors& in, const Step& step) override {
      if (step.frames == 0) return {};
      shape_[0] = step.frames;
      return in[0].reshape(shape_);
    }

   private:
    std::vector<int64_t> shape_;
  };

  Format taken_;
  std::vector<int64_t> frame_;
};

}  // namespace

LayerPtr input_layer(Format taken, std::vector<int64_t> frame) {
  return std::make_shared<InputLayer>(std::move(taken), std::move(frame));
}

}  // namespace torchstreamer::graph
