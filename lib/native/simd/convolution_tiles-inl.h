// The inner loops of convolutions, over tiles of outputs whose sums are kept in registers. Included
// once for each instruction set, after Highway.
#if defined(TORCHSTREAMER_NATIVE_CONVOLUTION_TILES) == defined(HWY_TARGET_TOGGLE)
#ifdef TORCHSTREAMER_NATIVE_CONVOLUTION_TILES
#undef TORCHSTREAMER_NATIVE_CONVOLUTION_TILES
#else
#define TORCHSTREAMER_NATIVE_CONVOLUTION_TILES
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "native/simd/convolution_layout.h"
#include "native/simd/first_lanes-inl.h"
#include "native/simd/segment.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::native::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
// Part of a vector, for few output channels.
using Narrow = hn::CappedTag<float, 8>;

// A part of the sums of one block.
struct Part {
  const ConvolutionLayout::Terms* terms;
  int64_t entries;
  const float* weights;
  const float* bias;  // initial values of the sums, or null
  bool adds;          // the sums are added to the values of the output
};

// The segment as a block sees it.
inline Segment part_of(Segment segment, const ConvolutionLayout::Block& block) {
  return {segment.x + block.x_offset, segment.y + block.y_offset, segment.frames};
}

template <class D, int kVectors>
HWY_INLINE void Finish(const ConvolutionLayout::Block& block, bool adds, float* y,
                       hn::Vec<D>* sums) {
  const D d;
  const size_t n = hn::Lanes(d);
  for (int v = 0; v < kVectors; ++v) {
    const size_t left = static_cast<size_t>(block.channels) - v * n;
    if (left >= n) {
      hn::StoreU(adds ? hn::Add(hn::LoadU(d, y + v * n), sums[v]) : sums[v], d, y + v * n);
    } else {
      if (adds) sums[v] = hn::Add(LoadFirst(d, y + v * n, left), sums[v]);
      StoreFirst(sums[v], d, y + v * n, left);
    }
  }
}

// The frames of a tile, at equal distances.
struct EvenFrames {
  // The samples of all frames at one offset, which next() increases.
  struct Samples {
    const float* first;
    int64_t step;
    HWY_INLINE float operator[](int f) const { return first[f * step]; }
    HWY_INLINE void next() { ++first; }
  };
  HWY_INLINE Samples samples(int64_t offset) const { return {x + offset, x_step}; }
  HWY_INLINE float* output(int f) const { return y + f * y_step; }

  const float* x;
  int64_t x_step;
  float* y;
  int64_t y_step;
};

// The frames of a tile, in any places: those of several segments.
struct ScatteredFrames {
  struct Samples {
    const float* const* x;
    int64_t offset;
    HWY_INLINE float operator[](int f) const { return x[f][offset]; }
    HWY_INLINE void next() { ++offset; }
  };
  HWY_INLINE Samples samples(int64_t offset) const { return {x, offset}; }
  HWY_INLINE float* output(int f) const { return y[f]; }

  const float* const* x;
  float* const* y;
};

// Computes kFrames outputs of a block: a small matrix product in registers.
template <class D, int kFrames, int kVectors, class Frames>
HWY_NOINLINE void Tile(const Part& part, const ConvolutionLayout::Block& block,
                       const Frames& frames) {
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
    auto samples = frames.samples(part.terms[e].x_offset);
    for (int64_t left = part.terms[e].count; left; --left, samples.next(), w += kVectors * n) {
      V weights[kVectors];
      HWY_UNROLL(16)
      for (int v = 0; v < kVectors; ++v) weights[v] = hn::Load(d, w + v * n);
      HWY_UNROLL(16)
      for (int f = 0; f < kFrames; ++f) {
        const V sample = hn::Set(d, samples[f]);
        HWY_UNROLL(16)
        for (int v = 0; v < kVectors; ++v) sums[f][v] = hn::MulAdd(sample, weights[v], sums[f][v]);
      }
    }
  }
  HWY_UNROLL(16)
  for (int f = 0; f < kFrames; ++f)
    Finish<D, kVectors>(block, part.adds, frames.output(f), sums[f]);
}

// Computes tiles of kFrames frames while at least kFrames are left.
template <class D, int kFrames, int kVectors>
HWY_INLINE void Tiles(const Part& part, const ConvolutionLayout::Block& block,
                      const ConvolutionLayout& layout, Segment& left) {
  for (; left.frames >= kFrames; left.frames -= kFrames) {
    Tile<D, kFrames, kVectors>(part, block,
                               EvenFrames{left.x, layout.x_step, left.y, layout.y_step});
    left.x += kFrames * layout.x_step;
    left.y += kFrames * layout.y_step;
  }
}
template <class D, int kFrames, int kVectors>
HWY_INLINE void Tiles(const Part& part, const ConvolutionLayout::Block& block,
                      ScatteredFrames& frames, int& left) {
  for (; left >= kFrames; left -= kFrames, frames.x += kFrames, frames.y += kFrames)
    Tile<D, kFrames, kVectors>(part, block, frames);
}

// Frames that remain of segments after whole tiles, up to a tile of kMost.
template <class D, int kMost, int kVectors>
class Remainders {
 public:
  Remainders(const Part& part, const ConvolutionLayout::Block& block)
      : part_(part), block_(block) {}
  void add(const float* x, float* y) {
    x_[count_] = x;
    y_[count_] = y;
    if (++count_ < kMost) return;
    Tile<D, kMost, kVectors>(part_, block_, ScatteredFrames{x_, y_});
    count_ = 0;
  }
  void finish() {
    ScatteredFrames frames{x_, y_};
    if constexpr (kMost > 8) Tiles<D, 8, kVectors>(part_, block_, frames, count_);
    if constexpr (kMost > 4) Tiles<D, 4, kVectors>(part_, block_, frames, count_);
    Tiles<D, 2, kVectors>(part_, block_, frames, count_);
    Tiles<D, 1, kVectors>(part_, block_, frames, count_);
  }

 private:
  const Part& part_;
  const ConvolutionLayout::Block& block_;
  const float* x_[kMost];
  float* y_[kMost];
  int count_ = 0;
};

template <class D, int kVectors>
void RunPart(const Part& part, const ConvolutionLayout::Block& block,
             const ConvolutionLayout& layout, const Segment* segments, int count) {
  constexpr bool kHas32Registers = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;
  // More frames would need too many registers for addresses.
  constexpr int kMax = std::min(kVectors == 1 ? 8 : 12, (kHas32Registers ? 24 : 12) / kVectors);
  Remainders<D, kMax, kVectors> remainders(part, block);
  for (int s = 0; s < count; ++s) {
    Segment left = part_of(segments[s], block);
    Tiles<D, kMax, kVectors>(part, block, layout, left);
    for (; left.frames; --left.frames, left.x += layout.x_step, left.y += layout.y_step)
      remainders.add(left.x, left.y);
  }
  remainders.finish();
}

// Computes kFrames outputs of one vector of channels that read consecutive inputs.
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
  for (int f = 0; f < kFrames; ++f) Finish<D, 1>(block, part.adds, y + f * y_step, &sums[f]);
}

inline void RunDiagonals(const Part& part, const ConvolutionLayout::Block& block,
                         const ConvolutionLayout& layout, const Segment* segments, int count) {
  const int64_t x_step = layout.x_step, y_step = layout.y_step;
  for (int s = 0; s < count; ++s) {
    auto [x, y, frames] = part_of(segments[s], block);
    for (; frames >= 8; frames -= 8, x += 8 * x_step, y += 8 * y_step)
      DiagonalsTile<8>(part, block, x, x_step, y, y_step);
    for (; frames >= 2; frames -= 2, x += 2 * x_step, y += 2 * y_step)
      DiagonalsTile<2>(part, block, x, x_step, y, y_step);
    if (frames) DiagonalsTile<1>(part, block, x, x_step, y, y_step);
  }
}

// Computes kFrames outputs of one channel; the lanes are inputs.
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

}  // namespace torchstreamer::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
