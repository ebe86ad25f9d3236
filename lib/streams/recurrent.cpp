#include "streams/recurrent.h"

#include <ATen/ops/zeros.h>

#include "multiply_adds.h"

namespace torchstreamer {
namespace {

class RecurrentLayer : public Layer {
 public:
  RecurrentLayer(RecurrentRule rule, Tensors initial, std::string describe, Arithmetic arithmetic)
      : Layer(Timing::pointwise()),
        rule_(std::move(rule)),
        initial_(std::move(initial)),
        describe_(std::move(describe)),
        arithmetic_(std::move(arithmetic)) {}

  Format accept(const std::vector<Format>& in) const override {
    const Tensor y = rule_(two_frames(in[0]), initial_).first;
    return {y.scalar_type(), y.device(), y.sizes().slice(1).vec()};
  }

  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    const Tensor x = two_frames(in[0]);
    return ceil_div(counted_multiply_adds([&] { rule_(x, initial_); }), 2);
  }

  std::unique_ptr<State> start() const override { return std::make_unique<Running>(*this); }
  Arithmetic arithmetic() const override { return arithmetic_; }
  std::string describe() const override { return describe_; }
  // LSTM and GRU, which have an initial state, raise; cumulative sums do not.
  bool may_be_empty() const override { return initial_.empty(); }

 private:
  static Tensor two_frames(const Format& format) {
    auto shape = format.frame;
    shape.insert(shape.begin(), 2);
    return at::zeros(shape, at::TensorOptions(format.dtype).device(format.device));
  }

  class Running : public State {
   public:
    explicit Running(const RecurrentLayer& layer) : layer_(layer), carried_(layer.initial_) {}

    Tensor push(const Tensors& in, const Step& step) override {
      if (step.frames == 0) return {};
      auto [y, carried] = layer_.rule_(in[0], carried_);
      carried_ = std::move(carried);
      return y;
    }

    int64_t held_bytes() const override {
      int64_t bytes = 0;
      for (const Tensor& state : carried_) bytes += bytes_of(state);
      return bytes;
    }

   private:
    const RecurrentLayer& layer_;
    Tensors carried_;
  };

  RecurrentRule rule_;
  Tensors initial_;
  std::string describe_;
  Arithmetic arithmetic_;
};

}  // namespace

LayerPtr recurrent_layer(RecurrentRule rule, Tensors initial, std::string describe,
                         Arithmetic arithmetic) {
  return std::make_shared<RecurrentLayer>(std::move(rule), std::move(initial), std::move(describe),
                                          std::move(arithmetic));
}

}  // namespace torchstreamer
