#include "streams/pad1d.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <c10/util/StringUtil.h>

namespace torchstreamer {
namespace {

class Pad1dLayer : public Layer {
 public:
  Pad1dLayer(int64_t left, int64_t right, double value)
      : Layer(Timing::pad(left, right)), left_(left), right_(right), value_(value) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }
  std::unique_ptr<State> start() const override { return std::make_unique<Running>(*this); }
  std::string describe() const override {
    return c10::str("Pad(", left_, ", ", right_, ", value ", value_, ")");
  }

 private:
  class Running : public State {
   public:
    explicit Running(const Pad1dLayer& layer) : layer_(layer) {}

    Tensor push(const Tensors& in, const Step& step) override {
      if (in[0].defined()) like_ = in[0].narrow(0, 0, 0);  // the format, for a push without frames
      if (step.frames == 0) return {};
      const int64_t given = in[0].defined() ? in[0].size(0) : 0;
      const int64_t left = step.first == 0 ? layer_.left_ : 0;
      return at::cat({run(left), given ? in[0] : like_, run(step.frames - left - given)});
    }

   private:
    Tensor run(int64_t frames) const {
      auto shape = like_.sizes().vec();
      shape[0] = frames;
      return at::full(shape, layer_.value_, like_.options());
    }

    const Pad1dLayer& layer_;
    Tensor like_;
  };

  int64_t left_, right_;
  double value_;
};

}  // namespace

LayerPtr pad1d_layer(int64_t left, int64_t right, double value) {
  return std::make_shared<Pad1dLayer>(left, right, value);
}

}  // namespace torchstreamer
