#include "streams/recurrent.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>

#include <algorithm>

#include "frames/finite.h"
#include "network/multiply_adds.h"

namespace torchstreamer {
namespace {

class RecurrentLayer : public Layer {
 public:
  explicit RecurrentLayer(RecurrentOptions options)
      : Layer(Timing::pointwise()), options_(std::move(options)) {}

  Format accept(const std::vector<Format>& in) const override {
    const Tensor y = options_.rule(in[0].zeros(2), options_.initial).first;
    return {y.scalar_type(), y.device(), y.sizes().slice(1).vec()};
  }

  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    const Tensor x = in[0].zeros(2);
    return ceil_div(counted_multiply_adds([&] { options_.rule(x, options_.initial); }), 2);
  }

  std::unique_ptr<State> start() const override { return std::make_unique<RecurrentState>(*this); }
  Computation computation() const override { return options_.computation; }
  std::string describe() const override { return options_.description; }
  bool is_over_time() const override { return true; }
  bool may_be_empty() const override { return options_.may_be_empty; }

 private:
  class RecurrentState : public State {
   public:
    explicit RecurrentState(const RecurrentLayer& layer)
        : layer_(layer), carried_(layer.options_.initial) {}

    Tensor push(const Tensors& in, const Step& step) override {
      if (step.frames == 0) return {};
      auto [y, carried] = layer_.options_.rule(in[0], carried_);
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

    // Processes frame by frame, so that the frame of a reset does not depend on the sizes of the
    // pushes.
    Tensor push_each(const Tensor& x) {
      Tensors out;
      for (const Tensor& frame : x.split(1)) {
        auto [y, carried] = layer_.options_.rule(frame, carried_);
        if (!are_finite(carried)) {
          ++recoveries_;
          for (size_t i = 0; i < carried.size(); ++i)
            carried[i] = carried[i].where(carried[i].isfinite(), layer_.options_.initial[i]);
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

  const RecurrentOptions options_;
};

}  // namespace

LayerPtr recurrent_layer(RecurrentOptions options) {
  return std::make_shared<RecurrentLayer>(std::move(options));
}

}  // namespace torchstreamer
