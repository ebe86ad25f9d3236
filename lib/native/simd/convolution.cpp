#include "native/simd/convolution.h"

#include <algorithm>
#include <numeric>

#include "support/simd_targets.h"
#include "torchstreamer/timing.h"

// Compiled once for each instruction set; the best one of the processor is used.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/simd/convolution.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Must follow Highway.
#include "native/simd/convolution_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::native::HWY_NAMESPACE {

size_t WideLanes() { return hn::Lanes(D()); }
size_t NarrowLanes() { return hn::Lanes(Narrow()); }

void Run(const ConvolutionLayout& layout, const Segment* segments, int count) {
  const int64_t n = static_cast<int64_t>(WideLanes());
  const bool is_diagonal = layout.lanes_are == ConvolutionLayout::kDiagonals;
  for (const ConvolutionLayout::Block& block : layout.blocks) {
    const auto run = is_diagonal          ? RunDiagonals
                     : block.lanes < n    ? RunPart<Narrow, 1>
                     : block.vectors == 4 ? RunPart<D, 4>
                     : block.vectors == 2 ? RunPart<D, 2>
                                          : RunPart<D, 1>;
    Part part{layout.terms.data() + block.terms_at, 0, layout.weights.data() + block.weights_at,
              layout.bias.data() + block.bias_at, layout.adds};
    for (int64_t p = block.parts_at; p < block.parts_at + block.parts; ++p) {
      part.entries = layout.parts[p].entries;
      run(part, block, layout, segments, count);
      part.terms += part.entries;
      part.weights += layout.parts[p].weights * block.vectors * block.lanes;
      part.bias = nullptr;
      part.adds = true;
    }
  }
}

void RunDots(const ConvolutionLayout& layout, const Segment* segments, int count) {
  for (const ConvolutionLayout::Block& block : layout.blocks) {
    const float* w = layout.weights.data() + block.weights_at;
    const float b = layout.bias[block.bias_at];
    for (int s = 0; s < count; ++s) {
      const auto [x, y, frames] = part_of(segments[s], block);
      int64_t f = 0;
      for (; f + 4 <= frames; f += 4)
        DotTile<4>(layout, w, b, x + f * layout.x_step, y + f * layout.y_step);
      for (; f < frames; ++f)
        DotTile<1>(layout, w, b, x + f * layout.x_step, y + f * layout.y_step);
    }
  }
}

}  // namespace torchstreamer::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace torchstreamer::native {

HWY_EXPORT(WideLanes);
HWY_EXPORT(NarrowLanes);
HWY_EXPORT(Run);
HWY_EXPORT(RunDots);

namespace {

Lanes lanes() {
  return {static_cast<int64_t>(HWY_DYNAMIC_DISPATCH(WideLanes)()),
          static_cast<int64_t>(HWY_DYNAMIC_DISPATCH(NarrowLanes)())};
}

}  // namespace

Convolution::Convolution(const ConvolutionShape& shape, const float* weight, const float* bias,
                         int64_t x_pitch, int64_t y_pitch, bool adds)
    : layout_(make_layout(shape, weight, bias, x_pitch, lanes())) {
  layout_.y_step = y_pitch;
  layout_.adds = adds;
}

void Convolution::run(const Segment* segments, int count) const {
  if (layout_.lanes_are == ConvolutionLayout::kInputs)
    HWY_DYNAMIC_DISPATCH(RunDots)(layout_, segments, count);
  else
    HWY_DYNAMIC_DISPATCH(Run)(layout_, segments, count);
}

namespace {

// Taps of the phase of the outputs t * stride + phase: every `step`th tap, starting at `first`.
// `delay`: the last tap is for input t - delay.
struct PhaseTaps {
  int64_t first, step, count, delay;
  bool reads_like(const PhaseTaps& other) const {
    return count == other.count && delay == other.delay;
  }
};

// Returns the taps k with k * dilation = phase modulo the stride.
PhaseTaps taps_of(const ConvolutionShape& shape, int64_t phase) {
  PhaseTaps taps{0, shape.stride / std::gcd(shape.stride, shape.dilation), 0, 0};
  while (taps.first < taps.step && taps.first * shape.dilation % shape.stride != phase)
    ++taps.first;
  if (taps.first < taps.step && taps.first < shape.kernel)
    taps.count = ceil_div(shape.kernel - taps.first, taps.step);
  const int64_t last = taps.first + (taps.count - 1) * taps.step;
  taps.delay = (last * shape.dilation - phase) / shape.stride;
  return taps;
}

// Returns the weights of a convolution over the inputs up to t, with the last tap first.
std::vector<float> phase_weights(const ConvolutionShape& shape, const float* weight,
                                 const PhaseTaps& taps) {
  const int64_t inputs = shape.channels_in / shape.groups;
  const int64_t outputs = shape.channels_out / shape.groups;
  std::vector<float> w(shape.channels_out * inputs * taps.count);
  for (int64_t o = 0; o < shape.channels_out; ++o)
    for (int64_t i = 0; i < inputs; ++i)
      for (int64_t tap = 0; tap < taps.count; ++tap) {
        const int64_t k = taps.first + (taps.count - 1 - tap) * taps.step;
        const int64_t row = o / outputs * inputs + i;
        w[(o * inputs + i) * taps.count + tap] =
            weight[(row * outputs + o % outputs) * shape.kernel + k];
      }
  return w;
}

}  // namespace

TransposedConvolution::TransposedConvolution(const ConvolutionShape& shape, const float* weight,
                                             const float* bias, int64_t x_pitch, int64_t y_pitch)
    : taps_(ceil_div(span_frames(shape.kernel, shape.dilation), shape.stride)),
      y_step_(shape.stride * y_pitch),
      bias_(shape.channels_out, 0.f) {
  if (bias) bias_.assign(bias, bias + shape.channels_out);
  // Phases that read the same inputs are channels of one convolution, if its outputs are
  // contiguous.
  const bool may_join = shape.groups == 1 && y_pitch == shape.channels_out;
  for (int64_t phase = 0, next; phase < shape.stride; phase = next) {
    next = phase + 1;
    const PhaseTaps taps = taps_of(shape, phase);
    if (taps.count == 0) {
      gaps_.push_back(phase * y_pitch);
      continue;
    }
    std::vector<float> w = phase_weights(shape, weight, taps), b = bias_;
    for (; may_join && next < shape.stride; ++next) {
      const PhaseTaps other = taps_of(shape, next);
      if (!other.reads_like(taps)) break;
      const std::vector<float> more = phase_weights(shape, weight, other);
      w.insert(w.end(), more.begin(), more.end());
      b.insert(b.end(), bias_.begin(), bias_.end());
    }
    ConvolutionShape one = shape;
    one.channels_out *= next - phase;
    one.kernel = taps.count;
    one.stride = 1;
    one.dilation = taps.step * shape.dilation / shape.stride;
    phases_.push_back({Convolution(one, w.data(), b.data(), x_pitch, y_step_),
                       (taps_ - 1 - taps.delay) * x_pitch, phase * y_pitch});
  }
}

void TransposedConvolution::run(Segment* segments, int count) const {
  int64_t x_at = 0, y_at = 0;
  for (const Phases& phases : phases_) {
    for (int s = 0; s < count; ++s) {
      segments[s].x += phases.x_offset - x_at;
      segments[s].y += phases.y_offset - y_at;
    }
    x_at = phases.x_offset;
    y_at = phases.y_offset;
    phases.convolution.run(segments, count);
  }
  for (int s = 0; s < count; ++s) fill_gaps(segments[s].y - y_at, segments[s].frames);
}

void TransposedConvolution::fill_gaps(float* y, int64_t frames) const {
  for (const int64_t gap : gaps_)
    for (int64_t f = 0; f < frames; ++f)
      std::copy(bias_.begin(), bias_.end(), y + gap + f * y_step_);
}

int64_t TransposedConvolution::bytes() const {
  int64_t bytes = 0;
  for (const Phases& phases : phases_) bytes += phases.convolution.bytes();
  return bytes;
}

int64_t TransposedConvolution::multiply_adds() const {
  int64_t multiply_adds = 0;
  for (const Phases& phases : phases_) multiply_adds += phases.convolution.multiply_adds();
  return multiply_adds;
}

}  // namespace torchstreamer::native
#endif
