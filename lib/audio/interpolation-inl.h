// The kernel of output frames whose coefficients are interpolated. Included once for each
// instruction set.
#if defined(TORCHSTREAMER_AUDIO_INTERPOLATION) == defined(HWY_TARGET_TOGGLE)
#ifdef TORCHSTREAMER_AUDIO_INTERPOLATION
#undef TORCHSTREAMER_AUDIO_INTERPOLATION
#else
#define TORCHSTREAMER_AUDIO_INTERPOLATION
#endif

#include <hwy/highway.h>

#include "audio/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::audio::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using TapVector = hn::CappedTag<T, kTapLanes<T>>;
template <class T>
constexpr int kTapVectors = kTapLanes<T> / hn::MaxLanes(TapVector<T>());

/// Number of frames that are computed together. Their sums fit in registers.
template <class T>
constexpr int kFramesAtOnce = kTapVectors<T> > 1 ? 2 : 4;

/// Sums of several channels of several frames, in registers.
template <class T, int kFrames, int kChannels>
struct TapSums {
  HWY_INLINE TapSums() {  // a defaulted constructor would not be compiled for the instruction set
    for (auto& frame : at)
      for (auto& channel : frame)
        for (auto& vector : channel) vector = hn::Zero(TapVector<T>());
  }

  hn::Vec<TapVector<T>> at[kFrames][kChannels][kTapVectors<T>];
};

/// Adds kTapLanes taps, starting at `tap`. kIsEdge: the taps may include the first or the last one,
/// which rounding may move across the edge of the window. Products after the last tap are not used:
/// the input may be NaN there, and the coefficient infinite.
template <int kDegree, bool kRoundsAngles, bool kIsEdge, class T, int kFrames, int kChannels>
HWY_INLINE void add_taps(const InterpolatedFrames<T>& b, const InterpolatedFrame<T>* const* frames,
                         int64_t channel, int64_t tap, TapSums<T, kFrames, kChannels>& sums) {
  const TapVector<T> d;
  const TapRow<T>* rows = b.polynomials.rows + tap / kTapLanes<T> * (kDegree + 2);
  for (int p = 0; p < kTapVectors<T>; ++p, tap += hn::MaxLanes(d)) {
    hn::Vec<TapVector<T>> row[kDegree + 2];
    for (int r = 0; r < kDegree + 2; ++r) row[r] = hn::Load(d, rows[r].lane + p * hn::MaxLanes(d));
    for (int f = 0; f < kFrames; ++f) {
      const InterpolatedFrame<T>& frame = *frames[f];
      auto x = hn::Sub(hn::LoadU(d, frame.tap_times + tap), hn::Set(d, frame.time));
      if constexpr (kRoundsAngles)
        x = hn::Sub(hn::Mul(hn::Mul(x, hn::Set(d, b.base)), hn::Set(d, b.pi)), row[0]);
      if constexpr (kIsEdge) {
        const auto edge = hn::Set(d, b.edge_angle);
        x = hn::Min(hn::Max(x, hn::Sub(hn::Neg(edge), row[0])), hn::Sub(edge, row[0]));
      }
      auto coefficient = row[1];
      for (int r = 2; r < kDegree + 2; ++r) coefficient = hn::Add(hn::Mul(coefficient, x), row[r]);
      for (int c = 0; c < kChannels; ++c) {
        const auto sample = hn::LoadU(d, frame.in + (channel + c) * b.plane_samples + tap);
        auto product = hn::Mul(coefficient, sample);
        if constexpr (kIsEdge)
          product = hn::IfThenElseZero(hn::FirstN(d, HWY_MAX(0, frame.taps - tap)), product);
        sums.at[f][c][p] = hn::Add(sums.at[f][c][p], product);
      }
    }
  }
}

/// Returns the sum of the lanes: the second half is added to the first one until one is left.
template <class D>
HWY_INLINE hn::TFromD<D> sum_of_lanes(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) > 1) {
    const hn::Half<D> half;
    // Found by its argument, because the scalar instruction set has no UpperHalf().
    return sum_of_lanes(half, hn::Add(hn::LowerHalf(half, v), UpperHalf(half, v)));
  } else {
    return hn::GetLane(v);
  }
}

/// The same for kTapLanes lanes. The order is the same for all instruction sets.
template <class T>
HWY_INLINE T sum_of(hn::Vec<TapVector<T>> (&vectors)[kTapVectors<T>]) {
  for (int count = kTapVectors<T> / 2; count > 0; count /= 2)
    for (int p = 0; p < count; ++p) vectors[p] = hn::Add(vectors[p], vectors[p + count]);
  return sum_of_lanes(TapVector<T>(), vectors[0]);
}

/// Computes the sum over vectors [first, end) for kChannels channels of kFrames frames. Adds it to
/// the output, unless `first` is 0. Not inlined, so that its loops keep all values in registers.
template <int kDegree, bool kRoundsAngles, int kFrames, int kChannels, class T>
HWY_NOINLINE void interpolate_tile(const InterpolatedFrames<T>& b,
                                   const InterpolatedFrame<T>* const* frames, int64_t channel,
                                   int64_t first, int64_t end) {
  TapSums<T, kFrames, kChannels> sums;
  for (int64_t v = first; v < end; ++v)
    if (v == 0 || v >= b.polynomials.vectors - 2)
      add_taps<kDegree, kRoundsAngles, true>(b, frames, channel, v * kTapLanes<T>, sums);
    else
      add_taps<kDegree, kRoundsAngles, false>(b, frames, channel, v * kTapLanes<T>, sums);
  for (int f = 0; f < kFrames; ++f)
    for (int c = 0; c < kChannels; ++c) {
      T& out = frames[f]->out[channel + c];
      const T sum = sum_of<T>(sums.at[f][c]);
      out = first == 0 ? sum : out + sum;
    }
}

template <int kDegree, bool kRoundsAngles, int kFrames, class T>
HWY_INLINE void interpolate_channels(const InterpolatedFrames<T>& b,
                                     const InterpolatedFrame<T>* const* frames, int64_t first,
                                     int64_t end) {
  int64_t channel = 0;
  for (; channel + 2 <= b.channels; channel += 2)
    interpolate_tile<kDegree, kRoundsAngles, kFrames, 2>(b, frames, channel, first, end);
  if (channel < b.channels)
    interpolate_tile<kDegree, kRoundsAngles, kFrames, 1>(b, frames, channel, first, end);
}

/// Computes all frames, kRowsAtOnce polynomials at a time, which stay in the first-level cache.
template <int kDegree, bool kRoundsAngles, class T>
void interpolate_frames(const InterpolatedFrames<T>& b) {
  const int64_t vectors = b.polynomials.vectors;
  for (int64_t first = 0; first < vectors; first += kRowsAtOnce) {
    const int64_t end = HWY_MIN(vectors, first + kRowsAtOnce);
    int64_t i = 0;
    if constexpr (kDegree < kMaxDegree)  // the highest degree is rare, and slow to compile
      for (; i + kFramesAtOnce<T> <= b.count; i += kFramesAtOnce<T>)
        interpolate_channels<kDegree, kRoundsAngles, kFramesAtOnce<T>>(b, b.frames + i, first, end);
    for (; i < b.count; ++i)
      interpolate_channels<kDegree, kRoundsAngles, 1>(b, b.frames + i, first, end);
  }
}

template <int kDegree, class T>
void interpolate_with(const InterpolatedFrames<T>& b) {
  if constexpr (sizeof(T) == sizeof(float))
    if (b.rounds_angles) return interpolate_frames<kDegree, true>(b);
  interpolate_frames<kDegree, false>(b);
}

template <class T>
void interpolate(const InterpolatedFrames<T>& b) {
  switch (b.polynomials.degree) {
    case 2:
      return interpolate_with<2>(b);
    case 3:
      return interpolate_with<3>(b);
    case 4:
      return interpolate_with<4>(b);
    case 5:
      return interpolate_with<5>(b);
    default:
      return interpolate_with<kMaxDegree>(b);
  }
}

}  // namespace
}  // namespace torchstreamer::audio::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // TORCHSTREAMER_AUDIO_INTERPOLATION
