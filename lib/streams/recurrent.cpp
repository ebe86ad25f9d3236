#include "streams/recurrent.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "frames/finite.h"
#include "network/multiply_adds.h"

namespace torchstreamer {
namespace {

class RecurrentLayer : public Layer {
 public:
  RecurrentLayer(RecurrentRule rule, Tensors initial, std::string describe, Arithmetic arithmetic,
                 bool may_be_empty)
      : Layer(Timing::pointwise()),
        rule_(std::move(rule)),
        initial_(std::move(initial)),
        describe_(std::move(describe)),
        arithmetic_(std::move(arithmetic)),
        may_be_empty_(may_be_empty) {}

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
  bool may_be_empty() const override { return may_be_empty_; }

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
      if (!is_finite(in[0]) || !is_finite(y) || !are_finite(carried)) return push_each(in[0]);
      carried_ = std::move(carried);
      return y;
    }

    int64_t recoveries() const override { return recoveries_; }

    int64_t held_bytes() const override {
      int64_t bytes = 0;
      for (const Tensor& state : carried_) bytes += bytes_of(state);
      return bytes;
    }

   private:
    static bool are_finite(const Tensors& carried) {
      return std::all_of(carried.begin(), carried.end(), is_finite);
    }

    // Frame by frame: where the state begins anew must not depend on how the signal is cut.
    Tensor push_each(const Tensor& x) {
      Tensors out;
      for (const Tensor& frame : x.split(1)) {
        auto [y, carried] = layer_.rule_(frame, carried_);
        if (!are_finite(carried)) {
          ++recoveries_;
          for (size_t i = 0; i < carried.size(); ++i)
            carried[i] = carried[i].where(carried[i].isfinite(), layer_.initial_[i]);
        }
        carried_ = std::move(carried);
        out.push_back(std::move(y));
      }
      return at::cat(out);
    }

    const RecurrentLayer& layer_;
    Tensors carried_;
    int64_t recoveries_ = 0;
  };

  RecurrentRule rule_;
  Tensors initial_;
  std::string describe_;
  Arithmetic arithmetic_;
  bool may_be_empty_;
};

}  // namespace

LayerPtr recurrent_layer(RecurrentRule rule, Tensors initial, std::string describe,
                         Arithmetic arithmetic, bool may_be_empty) {
  return std::make_shared<RecurrentLayer>(std::move(rule), std::move(initial), std::move(describe),
                                          std::move(arithmetic), may_be_empty);
}

}  // namespace torchstreamer
