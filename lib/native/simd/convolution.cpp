#include "native/simd/convolution.h"

#include <algorithm>
#include <numeric>

#include "native/simd/targets.h"
#include "torchstreamer/timing.h"

// Compiled once for each instruction set; the best one that the processor has is taken.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/simd/convolution.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Behind Highway itself.
#include "native/simd/first_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::native::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
// For few output channels.
using Narrow = hn::CappedTag<float, 8>;

size_t WideLanes() { return hn::Lanes(D()); }
size_t NarrowLanes() { return hn::Lanes(Narrow()); }

// A part of the sums of one block.
struct Part {
  const ConvolutionLayout::Terms* terms;
  int64_t entries;
  const float* weights;
  const float* bias;  // what the sums begin with, or null
  bool goes_on;       // the sums are added to what is there
};

template <class D, int kVectors>
HWY_INLINE void Finish(const ConvolutionLayout::Block& block, bool goes_on, float* y,
                       hn::Vec<D>* sums) {
  const D d;
  const size_t n = hn::Lanes(d);
  for (int v = 0; v < kVectors; ++v) {
    const size_t left = static_cast<size_t>(block.channels) - v * n;
    if (left >= n) {
      hn::StoreU(goes_on ? hn::Add(hn::LoadU(d, y + v * n), sums[v]) : sums[v], d, y + v * n);
    } else {
      if (goes_on) sums[v] = hn::Add(LoadFirst(d, y + v * n, left), sums[v]);
      StoreFirst(sums[v], d, y + v * n, left);
    }
  }
}

// kFrames outputs of a block: a small matrix product that stays in registers.
template <class D, int kFrames, int kVectors>
HWY_NOINLINE void Tile(const Part& part, const ConvolutionLayout::Block& block, const float* x,
                       int64_t x_step, float* y, int64_t y_step) {
  using V = hn::Vec<D>;
  const D d;
  const size_t n = hn::Lanes(d);
  V sums[kFrames][kVectors];
  HWY_UNROLL(16)
  for (int v = 0; v < kVectors; ++v) {
    const V start = part.bias ? hn::Load(d, part.bias + v * n) : hn::Zero(d);
    HWY_UNROLL(16)
    for (int f = 0; f < kFrames; ++f) sums[f][v] = start;
  }
  const float* HWY_RESTRICT w = part.weights;
  for (int64_t e = 0; e < part.entries; ++e) {
    const float* HWY_RESTRICT in = x + part.terms[e].x_offset;
    for (const float* const end = in + part.terms[e].count; in != end; ++in, w += kVectors * n) {
      V weights[kVectors];
      HWY_UNROLL(16)
      for (int v = 0; v < kVectors; ++v) weights[v] = hn::Load(d, w + v * n);
      HWY_UNROLL(16)
      for (int f = 0; f < kFrames; ++f) {
        const V sample = hn::Set(d, in[f * x_step]);
        HWY_UNROLL(16)
        for (int v = 0; v < kVectors; ++v) sums[f][v] = hn::MulAdd(sample, weights[v], sums[f][v]);
      }
    }
  }
  HWY_UNROLL(16)
  for (int f = 0; f < kFrames; ++f)
    Finish<D, kVectors>(block, part.goes_on, y + f * y_step, sums[f]);
}

// As many frames at once as the registers hold, then fewer.
template <class D, int kFrames, int kVectors>
HWY_INLINE void Tiles(const Part& part, const ConvolutionLayout::Block& block, const float*& x,
                      int64_t x_step, float*& y, int64_t y_step, int64_t& frames) {
  for (; frames >= kFrames; frames -= kFrames) {
    Tile<D, kFrames, kVectors>(part, block, x, x_step, y, y_step);
    x += kFrames * x_step;
    y += kFrames * y_step;
  }
}

template <class D, int kVectors>
void RunPart(const Part& part, const ConvolutionLayout::Block& block, const float* x,
             int64_t x_step, float* y, int64_t y_step, int64_t frames) {
  constexpr bool kHas32Registers = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;
  // With more frames the registers for their addresses run out.
  constexpr int kMost = std::min(kVectors == 1 ? 8 : 12, (kHas32Registers ? 24 : 12) / kVectors);
  Tiles<D, kMost, kVectors>(part, block, x, x_step, y, y_step, frames);
  if constexpr (kMost > 8) Tiles<D, 8, kVectors>(part, block, x, x_step, y, y_step, frames);
  if constexpr (kMost > 4) Tiles<D, 4, kVectors>(part, block, x, x_step, y, y_step, frames);
  Tiles<D, 2, kVectors>(part, block, x, x_step, y, y_step, frames);
  Tiles<D, 1, kVectors>(part, block, x, x_step, y, y_step, frames);
}

// kFrames outputs of one vector of channels, which read as many inputs in a row.
template <int kFrames>
HWY_NOINLINE void DiagonalsTile(const Part& part, const ConvolutionLayout::Block& block,
                                const float* x, int64_t x_step, float* y, int64_t y_step) {
  const D d;
  V sums[kFrames];
  HWY_UNROLL(16)
  for (int f = 0; f < kFrames; ++f) sums[f] = part.bias ? hn::Load(d, part.bias) : hn::Zero(d);
  const float* HWY_RESTRICT w = part.weights;
  for (int64_t e = 0; e < part.entries; ++e, w += hn::Lanes(d)) {
    const ConvolutionLayout::Terms& term = part.terms[e];
    const auto first = static_cast<size_t>(term.first_lane);
    const size_t end = first + static_cast<size_t>(term.count);
    const V weight = hn::Load(d, w);
    const auto lanes = hn::LoadMaskBits(d, reinterpret_cast<const uint8_t*>(&term.lanes));
    const float* in = x + term.x_offset;
    HWY_UNROLL(16)
    for (int f = 0; f < kFrames; ++f)
      sums[f] = hn::MulAdd(LoadMasked(lanes, d, in + f * x_step, first, end), weight, sums[f]);
  }
  HWY_UNROLL(16)
  for (int f = 0; f < kFrames; ++f) Finish<D, 1>(block, part.goes_on, y + f * y_step, &sums[f]);
}

void RunDiagonals(const Part& part, const ConvolutionLayout::Block& block, const float* x,
                  int64_t x_step, float* y, int64_t y_step, int64_t frames) {
  for (; frames >= 8; frames -= 8, x += 8 * x_step, y += 8 * y_step)
    DiagonalsTile<8>(part, block, x, x_step, y, y_step);
  for (; frames >= 2; frames -= 2, x += 2 * x_step, y += 2 * y_step)
    DiagonalsTile<2>(part, block, x, x_step, y, y_step);
  if (frames) DiagonalsTile<1>(part, block, x, x_step, y, y_step);
}

void Run(const ConvolutionLayout& layout, const float* x, float* y, int64_t frames) {
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
      run(part, block, x + block.x_offset, layout.x_step, y + block.y_offset, layout.y_step,
          frames);
      part.terms += part.entries;
      part.weights += layout.parts[p].weights * block.vectors * block.lanes;
      part.bias = nullptr;
      part.goes_on = true;
    }
  }
}

// kFrames outputs of one channel: the lanes are the inputs here.
template <int kFrames>
HWY_NOINLINE void DotTile(const ConvolutionLayout& layout, const float* w, float bias,
                          const float* x, float* y) {
  const D d;
  const int64_t n = static_cast<int64_t>(hn::Lanes(d));
  V sums[kFrames];
  HWY_UNROLL(16)
  for (int f = 0; f < kFrames; ++f) sums[f] = hn::Zero(d);
  for (const ConvolutionLayout::Terms& terms : layout.terms) {
    const float* in = x + terms.x_offset;
    int64_t left = terms.count;
    for (; left >= n; left -= n, in += n, w += n) HWY_UNROLL(16)
    for (int f = 0; f < kFrames; ++f)
      sums[f] = hn::MulAdd(hn::LoadU(d, in + f * layout.x_step), hn::Load(d, w), sums[f]);
    if (left == 0) continue;
    HWY_UNROLL(16)
    for (int f = 0; f < kFrames; ++f)
      sums[f] = hn::MulAdd(LoadFirst(d, in + f * layout.x_step, static_cast<size_t>(left)),
                           hn::Load(d, w), sums[f]);
    w += n;
  }
  HWY_UNROLL(16)
  for (int f = 0; f < kFrames; ++f)
    y[f * layout.y_step] = (layout.adds ? y[f * layout.y_step] + bias : bias) +
                           hn::GetLane(hn::SumOfLanes(d, sums[f]));
}

void RunDots(const ConvolutionLayout& layout, const float* x, float* y, int64_t frames) {
  for (const ConvolutionLayout::Block& block : layout.blocks) {
    const float* w = layout.weights.data() + block.weights_at;
    const float b = layout.bias[block.bias_at];
    const float* in = x + block.x_offset;
    float* out = y + block.y_offset;
    int64_t f = 0;
    for (; f + 4 <= frames; f += 4)
      DotTile<4>(layout, w, b, in + f * layout.x_step, out + f * layout.y_step);
    for (; f < frames; ++f)
      DotTile<1>(layout, w, b, in + f * layout.x_step, out + f * layout.y_step);
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
    : layout_(lay_out(shape, weight, bias, x_pitch, lanes())) {
  layout_.y_step = y_pitch;
  layout_.adds = adds;
}

void Convolution::run(const float* x, float* y, int64_t frames) const {
  if (layout_.lanes_are == ConvolutionLayout::kInputs)
    HWY_DYNAMIC_DISPATCH(RunDots)(layout_, x, y, frames);
  else
    HWY_DYNAMIC_DISPATCH(Run)(layout_, x, y, frames);
}

namespace {

// The taps of one phase, those of the outputs t * stride + phase: every `step`th from `first` on.
struct PhaseTaps {
  int64_t first, step, count;
};

// k * dilation = phase, modulo the stride.
PhaseTaps taps_of(const ConvolutionShape& shape, int64_t phase) {
  PhaseTaps taps{0, shape.stride / std::gcd(shape.stride, shape.dilation), 0};
  while (taps.first < taps.step && taps.first * shape.dilation % shape.stride != phase)
    ++taps.first;
  if (taps.first < taps.step && taps.first < shape.kernel)
    taps.count = ceil_div(shape.kernel - taps.first, taps.step);
  return taps;
}

// Those of a convolution over the inputs up to t: the last tap comes first.
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
  for (int64_t phase = 0; phase < shape.stride; ++phase) {
    const PhaseTaps taps = taps_of(shape, phase);
    if (taps.count == 0) {
      gaps_.push_back(phase * y_pitch);
      continue;
    }
    ConvolutionShape one = shape;
    one.kernel = taps.count;
    one.stride = 1;
    one.dilation = taps.step * shape.dilation / shape.stride;
    const int64_t last = taps.first + (taps.count - 1) * taps.step;
    const int64_t delay = (last * shape.dilation - phase) / shape.stride;
    const auto w = phase_weights(shape, weight, taps);
    phases_.push_back({Convolution(one, w.data(), bias, x_pitch, y_step_),
                       (taps_ - 1 - delay) * x_pitch, phase * y_pitch});
  }
}

void TransposedConvolution::run(const float* x, float* y, int64_t frames) const {
  for (const Phase& phase : phases_)
    phase.convolution.run(x + phase.x_offset, y + phase.y_offset, frames);
  fill_gaps(y, frames);
}

void TransposedConvolution::fill_gaps(float* y, int64_t frames) const {
  for (const int64_t gap : gaps_)
    for (int64_t f = 0; f < frames; ++f)
      std::copy(bias_.begin(), bias_.end(), y + gap + f * y_step_);
}

int64_t TransposedConvolution::bytes() const {
  int64_t bytes = 0;
  for (const Phase& phase : phases_) bytes += phase.convolution.bytes();
  return bytes;
}

int64_t TransposedConvolution::multiply_adds() const {
  int64_t multiply_adds = 0;
  for (const Phase& phase : phases_) multiply_adds += phase.convolution.multiply_adds();
  return multiply_adds;
}

}  // namespace torchstreamer::native
#endif
