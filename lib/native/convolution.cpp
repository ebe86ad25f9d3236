#include "native/convolution.h"

#include <algorithm>

#include "native/targets.h"
#include "timing.h"

// Compiled once for each instruction set; the best one that the processor has is taken.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/convolution.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Behind Highway itself.
#include "native/first_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::native::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
// For few output channels.
using Narrow = hn::CappedTag<float, 8>;

size_t NarrowLanes() { return hn::Lanes(Narrow()); }
size_t Lanes() { return hn::Lanes(D()); }

// A part of the sums of one block.
struct Part {
  const Convolution::Terms* terms;
  int64_t entries;
  const float* weights;
  const float* bias;  // what the sums begin with, or null
  bool goes_on;       // the sums are added to what is there
};

template <class D, int kVectors>
HWY_INLINE void Finish(const Convolution::Block& block, bool goes_on, float* y, hn::Vec<D>* sums) {
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
HWY_NOINLINE void Tile(const Part& part, const Convolution::Block& block, const float* x,
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
HWY_INLINE void Frames(const Part& part, const Convolution::Block& block, const float*& x,
                       int64_t x_step, float*& y, int64_t y_step, int64_t& frames) {
  for (; frames >= kFrames; frames -= kFrames) {
    Tile<D, kFrames, kVectors>(part, block, x, x_step, y, y_step);
    x += kFrames * x_step;
    y += kFrames * y_step;
  }
}

template <class D, int kVectors>
void RunPart(const Part& part, const Convolution::Block& block, const float* x, int64_t x_step,
             float* y, int64_t y_step, int64_t frames) {
  constexpr bool kHas32Registers = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;
  // With more frames the registers for their addresses run out.
  constexpr int kMost = std::min(kVectors == 1 ? 8 : 12, (kHas32Registers ? 24 : 12) / kVectors);
  Frames<D, kMost, kVectors>(part, block, x, x_step, y, y_step, frames);
  if constexpr (kMost > 8) Frames<D, 8, kVectors>(part, block, x, x_step, y, y_step, frames);
  if constexpr (kMost > 4) Frames<D, 4, kVectors>(part, block, x, x_step, y, y_step, frames);
  Frames<D, 2, kVectors>(part, block, x, x_step, y, y_step, frames);
  Frames<D, 1, kVectors>(part, block, x, x_step, y, y_step, frames);
}

void Run(const Convolution::Layout& layout, const float* weights, const float* bias, const float* x,
         float* y, int64_t frames) {
  const int64_t n = static_cast<int64_t>(Lanes());
  for (const Convolution::Block& block : layout.blocks) {
    const float* w = weights + block.weights_at;
    const Convolution::Terms* terms = layout.terms.data();
    for (const int64_t entries : layout.parts) {
      const bool is_first = terms == layout.terms.data();
      const Part part{terms, entries, w, is_first ? bias + block.bias_at : nullptr,
                      layout.adds || !is_first};
      const auto run = block.lanes < n      ? RunPart<Narrow, 1>
                       : block.vectors == 4 ? RunPart<D, 4>
                       : block.vectors == 2 ? RunPart<D, 2>
                                            : RunPart<D, 1>;
      run(part, block, x + block.x_offset, layout.x_step, y + block.y_offset, layout.y_step,
          frames);
      for (int64_t e = 0; e < entries; ++e) w += terms[e].count * block.vectors * block.lanes;
      terms += entries;
    }
  }
}

// kFrames outputs of one channel: the lanes are the inputs here.
template <int kFrames>
HWY_NOINLINE void DotTile(const Convolution::Layout& layout, const float* w, float bias,
                          const float* x, float* y) {
  const D d;
  const int64_t n = static_cast<int64_t>(hn::Lanes(d));
  V sums[kFrames];
  HWY_UNROLL(16)
  for (int f = 0; f < kFrames; ++f) sums[f] = hn::Zero(d);
  for (const Convolution::Terms& terms : layout.terms) {
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

void RunDots(const Convolution::Layout& layout, const float* weights, const float* bias,
             const float* x, float* y, int64_t frames) {
  for (const Convolution::Block& block : layout.blocks) {
    const float* w = weights + block.weights_at;
    const float b = bias[block.bias_at];
    const float* in = x + block.x_offset;
    float* out = y + block.y_offset;
    int64_t f = 0;
    for (; f + 4 <= frames; f += 4)
      DotTile<4>(layout, w, b, in + f * layout.x_step, out + f * layout.y_step);
    for (; f < frames; ++f)
      DotTile<1>(layout, w, b, in + f * layout.x_step, out + f * layout.y_step);
  }
}

// kFrames outputs of some channels, each from the same one of the input: the lanes are channels.
template <int kFrames>
HWY_NOINLINE void ChannelsTile(const Convolution::Layout& layout, const float* w, V bias,
                               size_t channels, const float* x, float* y) {
  const D d;
  V sums[kFrames];
  HWY_UNROLL(16)
  for (int f = 0; f < kFrames; ++f) sums[f] = bias;
  for (const Convolution::Terms& term : layout.terms) {
    const V weight = hn::Load(d, w);
    const float* in = x + term.x_offset;
    HWY_UNROLL(16)
    for (int f = 0; f < kFrames; ++f)
      sums[f] = hn::MulAdd(LoadFirst(d, in + f * layout.x_step, channels), weight, sums[f]);
    w += hn::Lanes(d);
  }
  HWY_UNROLL(16)
  for (int f = 0; f < kFrames; ++f) {
    float* out = y + f * layout.y_step;
    if (layout.adds) sums[f] = hn::Add(LoadFirst(d, out, channels), sums[f]);
    StoreFirst(sums[f], d, out, channels);
  }
}

void RunChannels(const Convolution::Layout& layout, const float* weights, const float* bias,
                 const float* x, float* y, int64_t frames) {
  const D d;
  for (const Convolution::Block& block : layout.blocks) {
    const auto channels = static_cast<size_t>(block.channels);
    const float* w = weights + block.weights_at;
    const V b = hn::Load(d, bias + block.bias_at);
    const float* in = x + block.x_offset;
    float* out = y + block.y_offset;
    int64_t f = 0;
    for (; f + 8 <= frames; f += 8)
      ChannelsTile<8>(layout, w, b, channels, in + f * layout.x_step, out + f * layout.y_step);
    for (; f < frames; ++f)
      ChannelsTile<1>(layout, w, b, channels, in + f * layout.x_step, out + f * layout.y_step);
  }
}

}  // namespace torchstreamer::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace torchstreamer::native {

HWY_EXPORT(Lanes);
HWY_EXPORT(NarrowLanes);
HWY_EXPORT(Run);
HWY_EXPORT(RunDots);
HWY_EXPORT(RunChannels);

namespace {

int64_t lanes() { return static_cast<int64_t>(HWY_DYNAMIC_DISPATCH(Lanes)()); }

// The weights of a part stay in the first cache while all frames pass, and a sum of so few terms
// rounds little.
constexpr int64_t kPartTerms = 128;

void lay_out_terms(Convolution::Layout& layout, const ConvolutionShape& shape, int64_t x_pitch) {
  const int64_t inputs = shape.channels_in / shape.groups, all = inputs * shape.kernel;
  const bool is_one_run = inputs == x_pitch && shape.dilation == 1;
  const int64_t run = is_one_run ? all : inputs;
  const int64_t part = ceil_div(all, ceil_div(all, kPartTerms));
  for (int64_t at = 0, some; at < all; at += some) {
    some = std::min(run - at % run, part - at % part);
    if (at % part == 0) layout.parts.push_back(0);
    ++layout.parts.back();
    layout.terms.push_back({at / run * shape.dilation * x_pitch + at % run, some});
  }
}

// Output channels in blocks of four, two or one vectors, never across groups; the last few of a
// group in a narrow one.
void lay_out_blocks(Convolution::Layout& layout, const ConvolutionShape& shape) {
  const int64_t inputs = shape.channels_in / shape.groups;
  const int64_t outputs = shape.channels_out / shape.groups, terms = inputs * shape.kernel;
  const int64_t narrow = static_cast<int64_t>(HWY_DYNAMIC_DISPATCH(NarrowLanes)());
  int64_t weights_at = 0, bias_at = 0;
  for (int64_t group = 0; group < shape.groups; ++group)
    for (int64_t at = 0, some; at < outputs; at += some) {
      const int64_t left = outputs - at, vectors_left = ceil_div(left, lanes());
      const int64_t vectors = vectors_left >= 4         ? 4
                              : vectors_left == 1       ? 1
                              : narrow == lanes()       ? 2
                              : left > lanes() + narrow ? 2
                                                        : 1;
      const int64_t width = left <= narrow ? narrow : lanes();
      some = std::min(left, vectors * width);
      layout.blocks.push_back(
          {group * inputs, group * outputs + at, vectors, width, some, weights_at, bias_at});
      // Whole vectors, so that those of the next block are aligned.
      weights_at += ceil_div(terms * vectors * width, lanes()) * lanes();
      bias_at += vectors * lanes();
    }
}

// Weights [terms][lanes of a block], a column for each output channel.
void lay_out_columns(const ConvolutionShape& shape, const float* weight,
                     Convolution::Layout& layout, AlignedFloats& weights) {
  lay_out_blocks(layout, shape);
  const int64_t inputs = shape.channels_in / shape.groups, terms = inputs * shape.kernel;
  const Convolution::Block& last = layout.blocks.back();
  weights.assign(last.weights_at + last.vectors * last.lanes * terms, 0);
  for (const Convolution::Block& block : layout.blocks)
    for (int64_t o = 0; o < block.channels; ++o) {
      const float* row = weight + (block.y_offset + o) * terms;  // [inputs, kernel]
      float* lane = weights.data() + block.weights_at + o;
      for (int64_t t = 0; t < terms; ++t, lane += block.vectors * block.lanes)
        *lane = row[t % inputs * shape.kernel + t / inputs];
    }
}

// Weights in the order of the inputs, for each output channel; runs begin at whole vectors.
void lay_out_rows(const ConvolutionShape& shape, const float* weight, Convolution::Layout& layout,
                  AlignedFloats& weights) {
  const int64_t inputs = shape.channels_in / shape.groups, terms = inputs * shape.kernel;
  for (int64_t o = 0; o < shape.channels_out; ++o) {
    const int64_t group = o / (shape.channels_out / shape.groups);
    layout.blocks.push_back({group * inputs, o, 0, 0, 1, static_cast<int64_t>(weights.size()), o});
    int64_t term = 0;
    for (const Convolution::Terms& run : layout.terms) {
      for (int64_t t = 0; t < run.count; ++t, ++term)
        weights.push_back(weight[o * terms + term % inputs * shape.kernel + term / inputs]);
      weights.resize(ceil_div(weights.size(), lanes()) * lanes());
    }
  }
}

// Weights [channels in vectors][kernel][lanes]: every channel has a kernel of its own.
void lay_out_channels(const ConvolutionShape& shape, const float* weight,
                      Convolution::Layout& layout, AlignedFloats& weights) {
  for (int64_t at = 0; at < shape.channels_out; at += lanes()) {
    const int64_t channels = std::min(shape.channels_out - at, lanes());
    layout.blocks.push_back(
        {at, at, 1, lanes(), channels, static_cast<int64_t>(weights.size()), at});
    for (int64_t k = 0; k < shape.kernel; ++k)
      for (int64_t lane = 0; lane < lanes(); ++lane)
        weights.push_back(lane < channels ? weight[(at + lane) * shape.kernel + k] : 0);
  }
}

}  // namespace

Convolution::Convolution(const ConvolutionShape& shape, const float* weight, const float* bias,
                         int64_t x_pitch, int64_t y_pitch, bool adds) {
  layout_.adds = adds;
  layout_.x_step = shape.stride * x_pitch;
  layout_.y_step = y_pitch;
  lay_out_terms(layout_, shape, x_pitch);
  const int64_t outputs = shape.channels_out / shape.groups;
  const bool is_by_channel = shape.groups > 1 && shape.groups == shape.channels_in && outputs == 1;
  // With few outputs most lanes would be empty; with enough inputs in a row they are the lanes.
  const bool is_few = 4 * outputs <= lanes() && 2 * layout_.terms.front().count >= lanes();
  lanes_are_ = is_by_channel ? Lanes::kChannels : is_few ? Lanes::kInputs : Lanes::kOutputs;
  const auto lay_out = is_by_channel ? lay_out_channels : is_few ? lay_out_rows : lay_out_columns;
  lay_out(shape, weight, layout_, weights_);
  const Block& last = layout_.blocks.back();
  bias_.assign(last.bias_at + std::max<int64_t>(1, last.vectors * lanes()), 0);
  for (const Block& block : layout_.blocks)
    for (int64_t o = 0; bias && o < block.channels; ++o)
      bias_[block.bias_at + o] = bias[block.y_offset + o];
}

void Convolution::run(const float* x, float* y, int64_t frames) const {
  switch (lanes_are_) {
    case Lanes::kOutputs:
      return HWY_DYNAMIC_DISPATCH(Run)(layout_, weights_.data(), bias_.data(), x, y, frames);
    case Lanes::kInputs:
      return HWY_DYNAMIC_DISPATCH(RunDots)(layout_, weights_.data(), bias_.data(), x, y, frames);
    case Lanes::kChannels:
      return HWY_DYNAMIC_DISPATCH(RunChannels)(layout_, weights_.data(), bias_.data(), x, y,
                                               frames);
  }
}

namespace {

// The weights of the outputs t * stride + phase: those of a convolution over the `taps` inputs up
// to t.
std::vector<float> phase_weights(const ConvolutionShape& shape, const float* weight, int64_t taps,
                                 int64_t phase) {
  const int64_t inputs = shape.channels_in / shape.groups;
  const int64_t outputs = shape.channels_out / shape.groups;
  std::vector<float> w(shape.channels_out * inputs * taps);
  for (int64_t o = 0; o < shape.channels_out; ++o)
    for (int64_t i = 0; i < inputs; ++i)
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t k = phase + (taps - 1 - tap) * shape.stride;
        const int64_t row = o / outputs * inputs + i;
        w[(o * inputs + i) * taps + tap] = weight[(row * outputs + o % outputs) * shape.kernel + k];
      }
  return w;
}

}  // namespace

TransposedConvolution::TransposedConvolution(const ConvolutionShape& shape, const float* weight,
                                             const float* bias, int64_t x_pitch, int64_t y_pitch)
    : taps_(ceil_div(shape.kernel, shape.stride)) {
  for (int64_t phase = 0; phase < shape.stride; ++phase) {
    const int64_t taps = ceil_div(shape.kernel - phase, shape.stride);
    ConvolutionShape one = shape;
    one.kernel = taps;
    one.stride = one.dilation = 1;
    const auto w = phase_weights(shape, weight, taps, phase);
    phases_.push_back({Convolution(one, w.data(), bias, x_pitch, shape.stride * y_pitch),
                       (taps_ - taps) * x_pitch, phase * y_pitch});
  }
}

void TransposedConvolution::run(const float* x, float* y, int64_t frames) const {
  for (const Phase& phase : phases_)
    phase.convolution.run(x + phase.x_offset, y + phase.y_offset, frames);
}

int64_t TransposedConvolution::bytes() const {
  int64_t bytes = 0;
  for (const Phase& phase : phases_) bytes += phase.convolution.bytes();
  return bytes;
}

}  // namespace torchstreamer::native
#endif
