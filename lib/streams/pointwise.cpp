#include "streams/pointwise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "frames/queue.h"
#include "network/multiply_adds.h"
#include "support/exceptions.h"
#include "torchstreamer/error.h"

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
  PointwiseLayer(IndexedRule rule, std::string describe, int64_t rate, int64_t block,
                 Arithmetic arithmetic)
      : Layer(block == 1 ? Timing::overlap_add(rate, rate)
                         : Timing::window(block, block).then(Timing::overlap_add(rate, rate))),
        rate_(rate),
        block_(block),
        rule_(std::move(rule)),
        describe_(std::move(describe)),
        arithmetic_(std::move(arithmetic)) {}

  Format accept(const std::vector<Format>& in) const override {
    for (const Format& f : in)
      if (f.channels() == kUnknownChannels) return f;
    try {
      const Tensor y = rule_(random_frames(in, 2 * block_), 0);
      return {y.scalar_type(), y.device(), y.sizes().slice(1).vec()};
    } catch (const std::exception& e) {
      throw Error(c10::str(describe_, " does not take ", in[0].channels(), " channels of ",
                           in[0].dtype, ": ", reason_of(e)));
    }
  }

  std::unique_ptr<State> start() const override { return std::make_unique<Running>(*this); }

  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    const Tensors x = random_frames(in, 2 * block_);
    return ceil_div(counted_multiply_adds([&] { rule_(x, 0); }), 2 * rate_);
  }

  Arithmetic arithmetic() const override { return arithmetic_; }
  std::string describe() const override { return describe_; }
  bool may_be_empty() const override { return true; }

 private:
  class Running : public State {
   public:
    explicit Running(const PointwiseLayer& layer) : layer_(layer) {}

    Tensor push(const Tensors& in, const Step& step) override {
      queues_.resize(in.size());
      for (size_t i = 0; i < in.size(); ++i) queues_[i].append(in[i]);
      if (step.frames == 0) return {};
      Tensors x;
      const int64_t blocks = step.frames / layer_.rate_;
      for (TensorQueue& queue : queues_) x.push_back(queue.take(blocks * layer_.block_));
      return layer_.rule_(x, step.first);
    }

    int64_t held_bytes() const override {
      int64_t bytes = 0;
      for (const TensorQueue& queue : queues_) bytes += queue.held_bytes();
      return bytes;
    }

   private:
    const PointwiseLayer& layer_;
    std::vector<TensorQueue> queues_;
  };

  int64_t rate_, block_;
  IndexedRule rule_;
  std::string describe_;
  Arithmetic arithmetic_;
};

}  // namespace

LayerPtr pointwise_layer(PointwiseRule rule, std::string describe, int64_t rate, int64_t block,
                         Arithmetic arithmetic) {
  auto anywhere = [rule = std::move(rule)](const Tensors& in, int64_t) { return rule(in); };
  return std::make_shared<PointwiseLayer>(std::move(anywhere), std::move(describe), rate, block,
                                          std::move(arithmetic));
}

LayerPtr indexed_layer(IndexedRule rule, std::string describe) {
  return std::make_shared<PointwiseLayer>(std::move(rule), std::move(describe), 1, 1, Arithmetic());
}

namespace {

// Frames that a proof looks at: what reaches further than this is not seen.
constexpr int64_t kProofFrames = 2048;

[[noreturn]] void refuse_mixing() {
  throw Error("it mixes frames: its output at one time depends on other times, or is random");
}

constexpr double kTolerance = 1e-5;

// Not a number; of a complex one both parts, which may go separate ways.
at::Scalar nan_of(const Tensor& t) {
  const double nan = std::nan("");
  return t.is_complex() ? at::Scalar(c10::complex<double>(nan, nan)) : at::Scalar(nan);
}

// A frame that is not a number may spoil its own output frames and no other. Finds what is too weak
// for the comparison of parts.
void prove_with_nan(const PointwiseRule& rule, const Tensors& x, const Tensor& whole, int64_t rate,
                    int64_t block) {
  const int64_t blocks = x[0].size(0) / block, bad_block = blocks / 2;
  Tensors bad;
  for (const Tensor& t : x) {
    if (!at::isFloatingType(t.scalar_type()) && !t.is_complex()) return;
    bad.push_back(t.clone());
    bad.back().narrow(0, bad_block * block, block).fill_(nan_of(t));
  }
  const Tensor spoiled = rule(bad);
  for (const auto& [from, to] :
       {std::pair{int64_t{0}, bad_block * rate}, {(bad_block + 1) * rate, blocks * rate}})
    if (!is_close(spoiled.slice(0, from, to), whole.slice(0, from, to), kTolerance))
      refuse_mixing();
}

}  // namespace

void prove_pointwise(const PointwiseRule& rule, const std::vector<Format>& in, int64_t rate,
                     int64_t block) {
  const int64_t blocks = std::max<int64_t>(16, kProofFrames / block), frames = blocks * block;
  const Tensors x = random_frames(in, frames);
  const Tensor whole = rule(x);
  if (whole.size(0) != blocks * rate)
    throw Error(c10::str("its output has ", whole.size(0), " frames for ", frames,
                         "; pointwise modules keep the length"));
  for (const int64_t cut : {int64_t{1}, int64_t{5}, blocks / 3})
    if (!is_close(at::cat({rule(part(x, 0, cut * block)), rule(part(x, cut * block, frames))}),
                  whole, kTolerance))
      refuse_mixing();
  prove_with_nan(rule, x, whole, rate, block);
}

}  // namespace torchstreamer
