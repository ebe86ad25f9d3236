#include "streams/pointwise.h"

#include <ATen/ops/cat.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "frames/queue.h"
#include "network/multiply_adds.h"
#include "support/exceptions.h"
#include "support/noise.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

Tensors random_frames(const std::vector<Format>& formats, int64_t frames) {
  Noise noise(/*seed=*/20);
  Tensors x;
  for (const Format& f : formats) {
    // Random integers and flags have all small values.
    const bool is_real = at::isFloatingType(f.dtype) || at::isComplexType(f.dtype);
    const Tensor random = noise.next(f.shape(frames), is_real ? f.dtype : at::kFloat);
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

Timing timing_of(int64_t block, int64_t rate) {
  const Timing repeated = Timing::overlap_add(rate, rate);
  return block == 1 ? repeated : Timing::window(block, block).then(repeated);
}

class PointwiseLayer : public Layer {
 public:
  // `rule` is used instead of that of `options`.
  PointwiseLayer(IndexedRule rule, PointwiseOptions options)
      : Layer(timing_of(options.block, options.rate)),
        rule_(std::move(rule)),
        rate_(options.rate),
        block_(options.block),
        description_(std::move(options.description)),
        computation_(std::move(options.computation)) {}

  Format accept(const std::vector<Format>& in) const override {
    for (const Format& f : in)
      if (f.channels() == kUnknownChannels) return f;
    try {
      const Tensor y = rule_(random_frames(in, 2 * block_), 0);
      return {y.scalar_type(), y.device(), y.sizes().slice(1).vec()};
    } catch (const std::exception& e) {
      throw Error(c10::str(description_, " does not take ", in[0].channels(), " channels of ",
                           in[0].dtype, ": ", reason_of(e)));
    }
  }

  std::unique_ptr<State> start() const override { return std::make_unique<PointwiseState>(*this); }

  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    const Tensors x = random_frames(in, 2 * block_);
    return ceil_div(counted_multiply_adds([&] { rule_(x, 0); }), 2 * rate_);
  }

  Computation computation() const override { return computation_; }
  std::string describe() const override { return description_; }
  bool may_be_empty() const override { return true; }

 private:
  class PointwiseState : public State {
   public:
    explicit PointwiseState(const PointwiseLayer& layer) : layer_(layer) {}

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

  IndexedRule rule_;
  int64_t rate_, block_;
  std::string description_;
  Computation computation_;
};

}  // namespace

LayerPtr pointwise_layer(PointwiseOptions options) {
  auto anywhere = [rule = std::move(options.rule)](const Tensors& in, int64_t) { return rule(in); };
  return std::make_shared<PointwiseLayer>(std::move(anywhere), std::move(options));
}

LayerPtr indexed_layer(IndexedRule rule, std::string description, Computation computation) {
  PointwiseOptions options;
  options.description = std::move(description);
  options.computation = std::move(computation);
  return std::make_shared<PointwiseLayer>(std::move(rule), std::move(options));
}

namespace {

// Size of the test signal in samples, so that wide frames cost no more than narrow ones, and limits
// of its number of blocks. Parts of the signal are compared with the whole: an operator that mixes
// all frames of a signal is found with any number of frames.
constexpr int64_t kProofSamples = 1 << 14, kLeastProofBlocks = 13, kMostProofBlocks = 1021;

// Returns the number of blocks that are tried, of `block` input frames and `rate` output frames.
int64_t proof_blocks(const std::vector<Format>& in, int64_t rate, int64_t block) {
  int64_t samples = 0;
  for (const Format& f : in) samples += f.samples();
  return std::clamp(kProofSamples / std::max<int64_t>(1, samples * std::max(rate, block)),
                    kLeastProofBlocks, kMostProofBlocks);
}

[[noreturn]] void refuse_mixing() {
  throw Error("it mixes frames: its output at one time depends on other times, or is random");
}

constexpr double kTolerance = 1e-5;

// Returns NaN, for complex types in both parts, because they may be computed separately.
at::Scalar nan_of(const Tensor& t) {
  const double nan = std::nan("");
  return t.is_complex() ? at::Scalar(c10::complex<double>(nan, nan)) : at::Scalar(nan);
}

// Checks that a block of NaN affects only its own output frames. Finds dependences that are too
// weak for the comparison of parts.
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
  const int64_t blocks = proof_blocks(in, rate, block), frames = blocks * block;
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
