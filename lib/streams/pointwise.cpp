#include "streams/pointwise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "error.h"
#include "frames/queue.h"

namespace torchstreamer {
namespace {

// Random frames; the process-wide generator stays as it is.
Tensors random_frames(const std::vector<Format>& formats, int64_t frames) {
  auto generator = at::detail::createCPUGenerator(/*seed=*/20);
  Tensors x;
  for (const Format& f : formats) {
    auto shape = f.frame;
    shape.insert(shape.begin(), frames);
    // Integers and flags come from a distribution that has all of their small values.
    const bool is_real = at::isFloatingType(f.dtype) || at::isComplexType(f.dtype);
    const Tensor random =
        at::randn(shape, generator, at::TensorOptions(is_real ? f.dtype : at::kFloat));
    x.push_back((is_real                ? random
                 : f.dtype == at::kBool ? random.gt(0)
                                        : random.mul(4).abs())
                    .to(f.device, f.dtype));
  }
  return x;
}

Tensors part(const Tensors& x, int64_t start, int64_t end) {
  Tensors out;
  for (const Tensor& t : x) out.push_back(t.slice(0, start, end));
  return out;
}

class PointwiseLayer : public Layer {
 public:
  PointwiseLayer(PointwiseRule rule, std::string describe, int64_t rate)
      : Layer(Timing::overlap_add(rate, rate)),
        rate_(rate),
        rule_(std::move(rule)),
        describe_(std::move(describe)) {}

  Format accept(const std::vector<Format>& in) const override {
    for (const Format& f : in)
      if (f.channels() == kUnknownChannels) return f;
    try {
      const Tensor y = rule_(random_frames(in, 2));
      return {y.scalar_type(), y.device(), y.sizes().slice(1).vec()};
    } catch (const c10::Error& e) {
      throw Error(c10::str(describe_, " does not take ", in[0].channels(), " channels of ",
                           in[0].dtype, ": ", e.what_without_backtrace()));
    }
  }

  std::unique_ptr<State> start() const override { return std::make_unique<Running>(*this); }
  std::string describe() const override { return describe_; }

 private:
  class Running : public State {
   public:
    explicit Running(const PointwiseLayer& layer) : layer_(layer) {}

    Tensor push(const Tensors& in, const Step& step) override {
      queues_.resize(in.size());
      for (size_t i = 0; i < in.size(); ++i) queues_[i].append(in[i]);
      if (step.frames == 0) return {};
      Tensors x;
      for (TensorQueue& queue : queues_) x.push_back(queue.take(step.frames / layer_.rate_));
      return layer_.rule_(x);
    }

   private:
    const PointwiseLayer& layer_;
    std::vector<TensorQueue> queues_;
  };

  int64_t rate_;
  PointwiseRule rule_;
  std::string describe_;
};

}  // namespace

LayerPtr pointwise_layer(PointwiseRule rule, std::string describe, int64_t rate) {
  return std::make_shared<PointwiseLayer>(std::move(rule), std::move(describe), rate);
}

void prove_pointwise(const PointwiseRule& rule, const std::vector<Format>& in, int64_t rate) {
  constexpr int64_t kFrames = 12;
  const Tensors x = random_frames(in, kFrames);
  const Tensor whole = rule(x);
  if (whole.size(0) != kFrames * rate)
    throw Error(c10::str("its output has ", whole.size(0), " frames for ", kFrames,
                         "; pointwise modules keep the length"));
  for (const int64_t cut : {1, 5}) {
    const Tensor parts = at::cat({rule(part(x, 0, cut)), rule(part(x, cut, kFrames))});
    if (parts.sizes() != whole.sizes() || !at::allclose(parts, whole, 1e-4, 1e-5, true))
      throw Error("it mixes frames: its output at one time depends on other times, or is random");
  }
}

}  // namespace torchstreamer
