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

/// Number of frames that are computed together with kChannels channels. Their sums fit in
/// registers.
template <class T, int kChannels>
constexpr int kFramesAtOnce = HWY_MAX(1, HWY_MIN(4, 8 / (kChannels * kTapVectors<T>)));

/// A tile of several channels of several frames.
template <class T, int kFrames, int kChannels>
struct Tile {
  HWY_INLINE Tile(const InterpolatedFrames<T>& b, const InterpolatedFrame<T>* const* frames,
                  int64_t channel) {
    for (int f = 0; f < kFrames; ++f) {
      time[f] = hn::Set(TapVector<T>(), frames[f]->time);
      tap_times[f] = b.tap_times + frames[f]->tap;
      for (int c = 0; c < kChannels; ++c) {
        in[f][c] = b.planes + (channel + c) * b.plane_samples + frames[f]->in;
        for (auto& vector : sums[f][c]) vector = hn::Zero(TapVector<T>());
      }
    }
  }

  hn::Vec<TapVector<T>> time[kFrames];
  const T* tap_times[kFrames];
  const T* in[kFrames][kChannels];
  hn::Vec<TapVector<T>> sums[kFrames][kChannels][kTapVectors<T>];
};

/// Adds kTapLanes taps, starting at `tap`. kIsEdge: the taps may include the first or the last one,
/// which rounding may move across the edge of the window. Products after the last tap are not used:
/// the input may be NaN there, and the coefficient infinite.
template <int kDegree, bool kRoundsAngles, bool kIsEdge, class T, int kFrames, int kChannels>
HWY_INLINE void add_taps(const InterpolatedFrames<T>& b, const InterpolatedFrame<T>* const* frames,
                         int64_t tap, Tile<T, kFrames, kChannels>& tile) {
  const TapVector<T> d;
  const TapRow<T>* rows = b.polynomials.rows + tap / kTapLanes<T> * (kDegree + 2);
  for (int p = 0; p < kTapVectors<T>; ++p, tap += hn::MaxLanes(d)) {
    hn::Vec<TapVector<T>> row[kDegree + 2];
    for (int r = kRoundsAngles || kIsEdge ? 0 : 1; r < kDegree + 2; ++r)
      row[r] = hn::Load(d, rows[r].lane + p * hn::MaxLanes(d));
    for (int f = 0; f < kFrames; ++f) {
      auto x = hn::Sub(hn::LoadU(d, tile.tap_times[f] + tap), tile.time[f]);
      if constexpr (kRoundsAngles)
        x = hn::Sub(hn::Mul(hn::Mul(x, hn::Set(d, b.base)), hn::Set(d, b.pi)), row[0]);
      if constexpr (kIsEdge) {
        const auto edge = hn::Set(d, b.edge_angle);
        x = hn::Min(hn::Max(x, hn::Sub(hn::Neg(edge), row[0])), hn::Sub(edge, row[0]));
      }
      auto coefficient = row[1];
      for (int r = 2; r < kDegree + 2; ++r) coefficient = hn::Add(hn::Mul(coefficient, x), row[r]);
      for (int c = 0; c < kChannels; ++c) {
        auto product = hn::Mul(coefficient, hn::LoadU(d, tile.in[f][c] + tap));
        if constexpr (kIsEdge)
          product = hn::IfThenElseZero(hn::FirstN(d, HWY_MAX(0, frames[f]->taps - tap)), product);
        tile.sums[f][c][p] = hn::Add(tile.sums[f][c][p], product);
      }
    }
  }
}

/// Adds the second half of kTapLanes lanes to the first one until one vector is left. The functions
/// below continue until one lane is left. The order is the same for all instruction sets.
template <class T>
HWY_INLINE hn::Vec<TapVector<T>> sum_of_vectors(hn::Vec<TapVector<T>> (&vectors)[kTapVectors<T>]) {
  for (int count = kTapVectors<T> / 2; count > 0; count /= 2)
    for (int p = 0; p < count; ++p) vectors[p] = hn::Add(vectors[p], vectors[p + count]);
  return vectors[0];
}

/// Adds the halves of each block of 128 bits until one lane is left, the first of the block. The
/// functions are found by their arguments, because the scalar instruction set has no blocks.
template <class D>
HWY_INLINE hn::Vec<D> sums_of_blocks(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) == 1)
    return v;
  else if constexpr (sizeof(hn::TFromD<D>) == sizeof(double))
    return hn::Add(v, Shuffle01(v));
  else {
    v = hn::Add(v, Shuffle1032(v));
    return hn::Add(v, Shuffle2301(v));
  }
}

/// Computes the sums of the lanes of four vectors together, with half as many instructions.
template <class T, class D>
HWY_INLINE void sums_of_lanes(D d, hn::Vec<D> (&v)[4], T (&sums)[4]) {
  constexpr int kBlockLanes = HWY_MAX(1, 16 / sizeof(T));
  alignas(64) T lanes[hn::MaxLanes(D())];
  if constexpr (hn::MaxLanes(D()) * sizeof(T) <= 16) {
    for (int i = 0; i < 4; ++i) sums[i] = hn::GetLane(sums_of_blocks(d, v[i]));
  } else {
    const auto first = hn::Add(ConcatLowerLower(d, v[1], v[0]), ConcatUpperUpper(d, v[1], v[0]));
    const auto second = hn::Add(ConcatLowerLower(d, v[3], v[2]), ConcatUpperUpper(d, v[3], v[2]));
    if constexpr (hn::MaxLanes(D()) * sizeof(T) == 32) {
      hn::Store(sums_of_blocks(d, first), d, lanes);
      sums[0] = lanes[0];
      sums[1] = lanes[kBlockLanes];
      hn::Store(sums_of_blocks(d, second), d, lanes);
      sums[2] = lanes[0];
      sums[3] = lanes[kBlockLanes];
    } else {
      // Blocks: first = a a b b, second = c c d d.
      const auto own = OddEvenBlocks(second, first);                        // a c b d
      const auto other = SwapAdjacentBlocks(OddEvenBlocks(first, second));  // a c b d
      hn::Store(sums_of_blocks(d, hn::Add(own, other)), d, lanes);
      sums[0] = lanes[0];
      sums[2] = lanes[kBlockLanes];
      sums[1] = lanes[2 * kBlockLanes];
      sums[3] = lanes[3 * kBlockLanes];
    }
  }
}

/// Returns true if the first or the last tap of a frame may be in this vector of taps and may be
/// outside of the window, or if some of its taps are after the last one.
template <class T>
HWY_INLINE bool is_edge(const InterpolatedFrames<T>& b, int64_t vector) {
  const int64_t last = b.polynomials.vectors - 1;
  return vector == last || (b.clamps_angles && (vector == 0 || vector == last - 1));
}

/// Adds the sums of a tile to the output, or writes them if they are the first.
template <class T, int kFrames, int kChannels>
HWY_INLINE void add_sums(const InterpolatedFrames<T>& b, const InterpolatedFrame<T>* const* frames,
                         int64_t channel, bool is_first, Tile<T, kFrames, kChannels>& tile) {
  constexpr int kSums = kFrames * kChannels;
  const TapVector<T> d;
  for (int s = 0; s < kSums; s += 4) {
    hn::Vec<TapVector<T>> vectors[4];
    for (int i = 0; i < 4; ++i) {
      const int at = HWY_MIN(s + i, kSums - 1);
      vectors[i] = s + i < kSums ? sum_of_vectors<T>(tile.sums[at / kChannels][at % kChannels])
                                 : hn::Zero(d);
    }
    T sums[4];
    sums_of_lanes(d, vectors, sums);
    for (int i = 0; i < HWY_MIN(4, kSums - s); ++i) {
      T& out =
          b.out[frames[(s + i) / kChannels]->output * b.channels + channel + (s + i) % kChannels];
      out = is_first ? sums[i] : out + sums[i];
    }
  }
}

/// Computes the sum over vectors [first, end) for kChannels channels of kFrames frames. Adds it to
/// the output, unless `first` is 0. Not inlined, so that its loops keep all values in registers.
template <int kDegree, bool kRoundsAngles, int kFrames, int kChannels, class T>
HWY_NOINLINE void interpolate_tile(const InterpolatedFrames<T>& b,
                                   const InterpolatedFrame<T>* const* frames, int64_t channel,
                                   int64_t first, int64_t end) {
  Tile<T, kFrames, kChannels> tile(b, frames, channel);
  for (int64_t v = first; v < end; ++v)
    if (is_edge(b, v))
      add_taps<kDegree, kRoundsAngles, true>(b, frames, v * kTapLanes<T>, tile);
    else
      add_taps<kDegree, kRoundsAngles, false>(b, frames, v * kTapLanes<T>, tile);
  add_sums(b, frames, channel, first == 0, tile);
}

/// Computes kChannels channels of all frames.
template <int kDegree, bool kRoundsAngles, int kChannels, class T>
HWY_INLINE void interpolate_channels(const InterpolatedFrames<T>& b, int64_t channel, int64_t first,
                                     int64_t end) {
  int64_t i = 0;
  // The highest degree is rare, and slow to compile.
  constexpr int kFrames = kDegree < kMaxDegree ? kFramesAtOnce<T, kChannels> : 1;
  for (; i + kFrames <= b.count; i += kFrames)
    interpolate_tile<kDegree, kRoundsAngles, kFrames, kChannels>(b, b.frames + i, channel, first,
                                                                 end);
  for (; kFrames > 1 && i < b.count; ++i)
    interpolate_tile<kDegree, kRoundsAngles, 1, kChannels>(b, b.frames + i, channel, first, end);
}

/// Computes all frames, kRowsAtOnce polynomials at a time, which stay in the first-level cache.
template <int kDegree, bool kRoundsAngles, class T>
void interpolate_frames(const InterpolatedFrames<T>& b) {
  const int64_t vectors = b.polynomials.vectors;
  for (int64_t first = 0; first < vectors; first += kRowsAtOnce) {
    const int64_t end = HWY_MIN(vectors, first + kRowsAtOnce);
    int64_t channel = 0;
    for (; channel + 4 <= b.channels; channel += 4)
      interpolate_channels<kDegree, kRoundsAngles, 4>(b, channel, first, end);
    if (b.channels - channel >= 2) {
      interpolate_channels<kDegree, kRoundsAngles, 2>(b, channel, first, end);
      channel += 2;
    }
    if (channel < b.channels)
      interpolate_channels<kDegree, kRoundsAngles, 1>(b, channel, first, end);
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
