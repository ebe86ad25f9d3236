#include "streams/upsample.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_nearest_exact1d.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/upsample_linear1d.h>
#include <ATen/ops/upsample_nearest1d.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "frames/queue.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

using Mode = UpsampleOptions::Mode;

// The way in which torch rounds a position in area_pixel_compute_source_index of
// aten/src/ATen/native/UpSample.h. It depends on the version of torch (1.13 or 2.x) and on the type
// of the signal.
struct Rounding {
  bool is_scale_single;    // the scale is rounded to float32
  bool is_product_single;  // the position is rounded to float32
  bool is_fused;           // the product and the sum are rounded together
};
std::vector<Rounding> roundings(at::ScalarType dtype) {
  if (dtype == at::kDouble) return {{false, false, false}, {false, false, true}};
  return {{true, false, false}, {true, true, false}, {true, true, true}, {false, false, false}};
}

// Returns a * b - c. `volatile` prevents the compiler from fusing the two operations.
template <class T>
T product_less(T a, T b, T c, bool is_fused) {
  if (is_fused) return std::fma(a, b, -c);
  const volatile T product = a * b;
  return product - c;
}

using Source = Interpolation::Source;

// Positions of the output frames among the input frames. An immutable value.
class Positions {
 public:
  Positions(const UpsampleOptions& o, Rounding rounding, at::ScalarType dtype)
      : mode_(o.mode),
        factor_(o.factor),
        inverse_(o.scale > 0 ? 1.0 / o.scale : static_cast<double>(o.factor.den) / o.factor.num),
        rounding_(rounding),
        rounded_frames_(int64_t{1} << (dtype == at::kDouble && mode_ == Mode::kLinear ? 52 : 23)),
        last_rounded_(rounded(rounded_frames_ - 1).first) {
    if (rounding_.is_scale_single) inverse_ = static_cast<float>(inverse_);
  }

  Source at(int64_t out) const {
    if (out < rounded_frames_) return rounded(out);
    const Source source = exact(out);
    // Positions must not decrease after the last rounded one.
    return source.first < last_rounded_ ? Source{last_rounded_, 0} : source;
  }

  // Returns the exact position, rounded down to a frame; negative before the first frame.
  int64_t exact_first(int64_t out) const {
    const auto [p, q] = std::pair{factor_.num, factor_.den};
    if (mode_ == Mode::kNearest) return floor_div(out * q, p);
    return floor_div((2 * out + 1) * q - (mode_ == Mode::kLinear ? p : 0), 2 * p);
  }

  // Returns the number of output frames that depend only on the first `frames` input frames.
  int64_t known(int64_t frames) const {
    if (frames < reach()) return 0;
    int64_t count = (Rational(frames - reach() + 1) * factor_).ceil();
    while (at(count).first + reach() <= frames) ++count;
    while (count > 0 && at(count - 1).first + reach() > frames) --count;
    return count;
  }

  // Number of input frames that one output frame is computed from.
  int64_t reach() const { return mode_ == Mode::kLinear ? 2 : 1; }

 private:
  Source exact(int64_t out) const {
    const int64_t first = exact_first(out);
    if (mode_ != Mode::kLinear) return {first, 0};
    if (first < 0) return {0, 0};
    const int64_t p = factor_.num, q = factor_.den;
    const int64_t rest = (2 * out + 1) * q - p - first * 2 * p;
    return {first, static_cast<double>(rest) / static_cast<double>(2 * p)};
  }

  Source rounded(int64_t out) const {
    // nearest-exact uses the middle of frames, so rounding does not change the frame.
    if (mode_ == Mode::kNearestExact) return exact(out);
    const bool is_linear = mode_ == Mode::kLinear;
    const double half = is_linear ? 0.5 : 0;
    const double position =
        rounding_.is_product_single
            ? product_less<float>(static_cast<float>(out) + static_cast<float>(half),
                                  static_cast<float>(inverse_), static_cast<float>(half),
                                  rounding_.is_fused)
            : product_less<double>(static_cast<double>(out) + half, inverse_, half,
                                   rounding_.is_fused);
    if (position <= 0) return {0, 0};
    // nearest uses floorf() for every type.
    const double floor =
        is_linear ? std::floor(position) : std::floor(static_cast<float>(position));
    return {static_cast<int64_t>(floor), is_linear ? position - floor : 0};
  }

  Mode mode_;
  Rational factor_;
  double inverse_;
  Rounding rounding_;
  // Number of output frames whose positions are rounded as in torch, and the last such position.
  int64_t rounded_frames_, last_rounded_;
};

// Returns PyTorch's compute_output_size (aten/src/ATen/native/UpSample.cpp).
int64_t resized_frames(const UpsampleOptions& o, int64_t frames) {
  return o.scale > 0 ? static_cast<int64_t>(static_cast<double>(frames) * o.scale)
                     : (Rational(frames) * o.factor).floor();
}

// Returns the maximum length of signals whose length does not change; linear upsampling copies
// them.
int64_t copied_frames(const UpsampleOptions& o) {
  int64_t frames = 0;
  if (o.mode == Mode::kLinear)
    while (resized_frames(o, frames + 1) == frames + 1) ++frames;
  return frames;
}

Timing upsample_timing(const UpsampleOptions& o, const Positions& positions) {
  return Timing(
      o.factor, o.factor.num,
      [=, copied = copied_frames(o)](const Count& in) {
        const int64_t total = resized_frames(o, in.total);
        const int64_t now = in.total <= copied ? 0 : std::min(positions.known(in.now), total);
        return Count{now, total, in.source};
      },
      [=](Span out) {
        return Span{positions.exact_first(out.first),
                    positions.exact_first(out.last) + positions.reach() - 1};
      });
}

class Upsample1dLayer : public Layer {
 public:
  Upsample1dLayer(const UpsampleOptions& options, const Positions& positions)
      : Layer(upsample_timing(options, positions)),
        options_(options),
        positions_(positions),
        copied_frames_(copied_frames(options)) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }
  std::unique_ptr<State> start() const override { return std::make_unique<UpsampleState>(*this); }

  Computation computation() const override {
    return Interpolation{[positions = positions_](int64_t out) { return positions.at(out); },
                         options_.mode == Mode::kLinear, copied_frames_};
  }

  std::string describe() const override {
    const char* modes[] = {"nearest", "nearest-exact", "linear"};
    return c10::str("Upsample(", options_.factor.num, "/", options_.factor.den, ", ",
                    modes[static_cast<int>(options_.mode)], ")");
  }

  // Returns output frames [first, first + count). `begin`: index of the first frame of `frames`.
  Tensor resized(const Tensor& frames, int64_t begin, int64_t first, int64_t count) const {
    std::vector<int64_t> from;
    std::vector<double> weights;
    for (int64_t out = first; out < first + count; ++out) {
      const Source source = positions_.at(out);
      from.push_back(std::min(source.first - begin, frames.size(0) - 1));
      weights.push_back(source.weight);
    }
    const Tensor index = at::from_blob(from.data(), {count}, at::kLong).to(frames.device());
    const Tensor near = frames.index_select(0, index);
    if (options_.mode != Mode::kLinear) return near;
    std::vector<int64_t> shape(frames.dim(), 1);
    shape[0] = count;
    const Tensor weight =
        at::from_blob(weights.data(), shape, at::kDouble).to(frames.device(), frames.scalar_type());
    return near * (1 - weight) +
           frames.index_select(0, (index + 1).clamp_max(frames.size(0) - 1)) * weight;
  }

 private:
  class UpsampleState : public State {
   public:
    explicit UpsampleState(const Upsample1dLayer& layer) : layer_(layer) {}

    Tensor push(const Tensors& in, const Step& step) override {
      queue_.append(in[0]);
      if (step.frames == 0) return {};
      if (step.final && step.in.total <= layer_.copied_frames_) return queue_.take(step.frames);
      const Tensor y =
          layer_.resized(queue_.view(queue_.frames()), dropped_frames_, step.first, step.frames);
      const int64_t next = layer_.positions_.at(step.first + step.frames).first;
      // The last frame is kept, because it is repeated after the end.
      const int64_t unused = std::min(next - dropped_frames_, queue_.frames() - 1);
      queue_.drop(unused);
      dropped_frames_ += unused;
      return y;
    }
    int64_t held_bytes() const override { return queue_.held_bytes(); }

   private:
    const Upsample1dLayer& layer_;
    TensorQueue queue_;
    int64_t dropped_frames_ = 0;
  };

  UpsampleOptions options_;
  Positions positions_;
  int64_t copied_frames_;
};

// Returns the result of torch for `x`, `[1, 1, frames]`.
Tensor offline(const UpsampleOptions& o, const Tensor& x) {
  const Optional<double> scale = o.scale > 0 ? Optional<double>(o.scale) : Optional<double>();
  const int64_t size = resized_frames(o, x.size(2));
  switch (o.mode) {
    case Mode::kNearest:
      return at::upsample_nearest1d(x, size, scale);
    case Mode::kNearestExact:
      return at::_upsample_nearest_exact1d(x, size, scale);
    default:
      return at::upsample_linear1d(x, size, /*align_corners=*/false, scale);
  }
}

}  // namespace

// Computes the convergents of the continued fraction. The first one within the tolerance is the
// simplest ratio.
Rational simple_ratio(double scale) {
  constexpr double kMostFrames = 1 << 16;
  if (!(scale > 1 / kMostFrames && scale < kMostFrames)) return 0;
  int64_t before_num = 1, before_den = 0, num = static_cast<int64_t>(scale), den = 1;
  double rest = scale - std::floor(scale);
  while (std::abs(static_cast<double>(num) / den - scale) > 4e-16 * scale) {
    const double next = 1 / rest;
    if (!(next < kMostFrames)) return 0;
    const auto term = static_cast<int64_t>(next);
    before_num = std::exchange(num, term * num + before_num);
    before_den = std::exchange(den, term * den + before_den);
    rest = next - std::floor(next);
    if (den > kMostFrames) return 0;
  }
  return {num, den};
}

LayerPtr upsample1d_layer(const UpsampleOptions& options, const Format& format) {
  // The signal is long enough to distinguish the roundings. Alternating ones and zeros show the
  // weights of linear upsampling, counting numbers the positions of the others.
  constexpr int64_t kTriedFrames = 1 << 16, kMostTakenFrames = 1 << 18;
  const int64_t frames =
      std::min((Rational(kTriedFrames) / options.factor).ceil(), kMostTakenFrames);
  const Tensor count = at::arange(frames, format.options());
  const Tensor x = options.mode == Mode::kLinear ? count.remainder(2) : count;
  const Tensor expected = offline(options, x.view({1, 1, frames})).flatten();
  double least = std::numeric_limits<double>::infinity();
  std::shared_ptr<Upsample1dLayer> best;
  for (const Rounding& rounding : roundings(format.dtype)) {
    const auto layer =
        std::make_shared<Upsample1dLayer>(options, Positions(options, rounding, format.dtype));
    const Tensor y = layer->resized(x, 0, 0, expected.size(0));
    const double worst = (y - expected).abs().max().item<double>();
    if (worst < least) {
      least = worst;
      best = layer;
    }
  }
  // libtorch 2 fuses only some products of float64 positions, depending on its vector instructions,
  // so the last bit of a position may differ.
  if (least > (format.dtype == at::kDouble ? 1e-11 : 2e-7))
    throw Error(c10::str("this libtorch rounds the positions of ", best->describe(), " of ",
                         format.dtype, " in an unknown way: the closest known rounding differs by ",
                         least));
  return best;
}

}  // namespace torchstreamer
