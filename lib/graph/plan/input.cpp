#include "graph/plan/input.h"

#include <c10/util/StringUtil.h>

#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

// Reshapes the signal, `[frames, C]`, to the shape of forward()'s argument.
class InputLayer : public Layer {
 public:
  InputLayer(Format source, std::vector<int64_t> frame)
      : Layer(Timing::pointwise()), source_(std::move(source)), frame_(std::move(frame)) {}

  Format accept(const std::vector<Format>& in) const override {
    if (!(in[0] == source_))
      throw Error(c10::str("the model takes ", source_.channels(), " channels of ", source_.dtype,
                           " on ", source_.device, ", not ", in[0].channels(), " of ", in[0].dtype,
                           " on ", in[0].device));
    return {source_.dtype, source_.device, frame_};
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

  Format source_;
  std::vector<int64_t> frame_;
};

}  // namespace

LayerPtr input_layer(Format source, std::vector<int64_t> frame) {
  return std::make_shared<InputLayer>(std::move(source), std::move(frame));
}

}  // namespace torchstreamer::graph
