// Resampling by torch.nn.functional.interpolate.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/upsample_nearest1d.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/rules/families.h"
#include "graph/rules/support/frames.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/pointwise.h"
#include "graph/rules/upsample.h"
#include "streams/upsample.h"

namespace torchstreamer::graph {
namespace {

using Mode = UpsampleOptions::Mode;

// Returns the argument scale_factor, `float?` or `float[]?`; 0 for None.
double scale_of(const Call& call) {
  const IValue scale = call.constant(call.args.size() - 1);
  if (scale.isNone()) return 0;
  return scale.isDouble() ? scale.toDouble() : scale.toListRef().front().toDouble();
}

bool has_size(const Call& call) {
  return !call.args[1].is_constant() || !call.args[1].constant()->isNone();
}

// Returns the argument output_size for each length of the signal.
Frames size_of(const Call& call) {
  if (call.args[1].find<Stream>()) call.refuse("its output size is computed from the signal");
  return [size = call.args[1], type = call.node->input(1)->type()](int64_t n) {
    const IValue at = value_at(size, type, n, nullptr);
    return at.isInt() ? at.toInt() : at.toListRef().front().toInt();
  };
}

// Returns the number of output frames per input frame. Refuses a ratio that depends on the length
// of the signal.
Rational factor_of(const Call& call, const Stream& x, const Frames& size) {
  const auto& lengths = call.lengths.accepted();
  auto frames = [&](int64_t n) { return call.plan.frames(x, n); };
  const int64_t first = frames(lengths[0]);
  const Rational factor = first > 0 ? Rational(size(lengths[0]), first) : 0;
  for (const int64_t n : lengths)
    if (factor.num < 1 || Rational(size(n)) != factor * Rational(frames(n)))
      call.refuse(
          c10::str("the ratio of its output size to its input size (", size(n), " to ", frames(n),
                   ") changes with the length of the signal, so every output frame depends on the "
                   "end of the signal; give a scale_factor without recompute_scale_factor, or a "
                   "whole multiple of the input size"));
  return factor;
}

// Returns the symbols that the output size is computed from.
std::vector<SymbolPtr> symbols_of(const Value& size) {
  std::vector<SymbolPtr> symbols;
  if (size.symbol()) symbols.push_back(*size.symbol());
  if (size.list())
    for (const Value& item : **size.list())
      if (item.symbol()) symbols.push_back(*item.symbol());
  return symbols;
}

// Adds a guard if the operator is given both a size and a scale factor.
void guard_size(const Call& call, const Stream& y) {
  auto is_equal = [frames = frames_of(call, y), size = size_of(call)](int64_t n) {
    return frames(n) == size(n);
  };
  for (const int64_t n : call.lengths.sampled())
    if (!is_equal(n)) call.refuse("its output size contradicts its scale factor");
  call.lengths.guard(is_equal, call.node, symbols_of(call.args[1]));
}

std::vector<Value> upsample(const Call& call, Mode mode) {
  const Stream x = call.stream(0);
  if (x.axis != 2 || x.shape.size() != 3) return pointwise(call);
  if (mode == Mode::kLinear && call.boolean(2))
    call.refuse(
        "with align_corners=True every position depends on the length of the signal; use "
        "align_corners=False");
  UpsampleOptions options{mode, 1, scale_of(call)};
  if (options.scale > 0) {
    options.factor = simple_ratio(options.scale);
    if (options.factor.num == 0)
      call.refuse(c10::str("its factor ", options.scale, " is not a ratio of small integers"));
  } else {
    options.factor = factor_of(call, x, size_of(call));
  }
  if (options.factor == Rational(1)) return {x};
  const Stream y = add_layer(call, upsample1d_layer(options, call.plan.format(x)), x);
  if (has_size(call)) guard_size(call, y);
  return {y};
}

// (self, output_size, scales), or (input, output_size?, scale_factors?).
std::vector<Value> upsample_nearest(const Call& call) { return upsample(call, Mode::kNearest); }

std::vector<Value> upsample_nearest_exact(const Call& call) {
  return upsample(call, Mode::kNearestExact);
}

// (self, output_size, align_corners, scales), or (input, output_size?, align_corners,
// scale_factors?).
std::vector<Value> upsample_linear(const Call& call) { return upsample(call, Mode::kLinear); }

// Positions of the frames of a resampled signal of `frames` frames in the signal itself, for
// kNearest as torch rounds them in this type. kNearestExact needs a whole factor.
Tensor resampled_positions(const UpsampleOptions& options, int64_t frames, at::ScalarType dtype) {
  const int64_t count = options.scale > 0
                            ? static_cast<int64_t>(static_cast<double>(frames) * options.scale)
                            : (Rational(frames) * options.factor).floor();
  if (count == 0) return at::empty({0}, at::kLong);
  if (options.mode == Mode::kNearestExact)
    return at::arange(count, at::kLong).div(options.factor.num, "floor");
  const Tensor indices = at::arange(frames, dtype).view({1, 1, -1});
  const Optional<double> scale =
      options.scale > 0 ? Optional<double>(options.scale) : Optional<double>();
  return at::upsample_nearest1d(indices, {count}, scale).flatten().to(at::kLong);
}

// Returns the options of interpolate() that have these positions for some lengths; none if there
// are none. A length that the factor does not divide has a ratio of its own.
std::optional<UpsampleOptions> resampling(
    const Call& call, const Frames& frames, const SymbolPtr& at,
    const std::function<bool(const UpsampleOptions&, int64_t n)>& fits) {
  constexpr size_t kTried = 24;
  const auto& lengths = call.lengths.accepted();
  const auto end = lengths.begin() + std::min(kTried, lengths.size());
  const auto fits_all = [&](const UpsampleOptions& options) {
    return fits(options, lengths.back()) &&
           std::all_of(lengths.begin(), end, [&](int64_t n) { return fits(options, n); });
  };
  for (auto n = lengths.begin(); n != end; ++n) {
    const auto count = static_cast<double>(at->at(*n).toTensor().numel());
    const Rational factor = simple_ratio(count / static_cast<double>(frames(*n)));
    if (factor.num == 0) continue;
    const double scale = static_cast<double>(factor.num) / static_cast<double>(factor.den);
    for (const UpsampleOptions& options : {UpsampleOptions{Mode::kNearestExact, factor, 0},
                                           UpsampleOptions{Mode::kNearest, factor, 0},
                                           UpsampleOptions{Mode::kNearest, factor, scale}})
      if ((options.mode == Mode::kNearest || factor.den == 1) && fits_all(options)) return options;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Stream> resampled(const Call& call, const Stream& x, const SymbolPtr& at) {
  // Longer signals have the same positions as the sampled lengths. Computing them takes time.
  constexpr int64_t kMostTestedFrames = 512;
  const Frames frames = frames_of(call, x);
  const auto fits = [=, dtype = x.dtype](const UpsampleOptions& options, int64_t n) {
    const Tensor positions = at->at(n).toTensor();
    return positions.equal(
        resampled_positions(options, frames(n), dtype).to(positions.scalar_type()));
  };
  const auto options = resampling(call, frames, at, fits);
  if (!options) return std::nullopt;
  call.lengths.guard(
      [=, options = *options](int64_t n) { return n > kMostTestedFrames || fits(options, n); },
      call.node, {});
  return add_layer(call, upsample1d_layer(*options, call.plan.format(x)), x);
}

const RuleRows& upsample_rules() {
  static const RuleRows rows = {
      {"aten::_upsample_nearest_exact1d", upsample_nearest_exact},
      {"aten::upsample_linear1d", upsample_linear},
      {"aten::upsample_nearest1d", upsample_nearest},
  };
  return rows;
}

}  // namespace torchstreamer::graph
