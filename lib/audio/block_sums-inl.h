// Sums of blocks of output frames, in registers. Included once for each instruction set.
#if defined(TORCHSTREAMER_AUDIO_BLOCK_SUMS) == defined(HWY_TARGET_TOGGLE)
#ifdef TORCHSTREAMER_AUDIO_BLOCK_SUMS
#undef TORCHSTREAMER_AUDIO_BLOCK_SUMS
#else
#define TORCHSTREAMER_AUDIO_BLOCK_SUMS
#endif

#include <hwy/highway.h>

#include "audio/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::audio::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Vectors = hn::CappedTag<T, kBlockLanes>;
template <class T>
constexpr int kBlockVectors = kBlockLanes / hn::MaxLanes(Vectors<T>());

/// Sums of a tile, in registers. A column contains the sums of one block of one channel.
template <class T, int kColumns>
struct Sums {
  HWY_INLINE Sums() {}  // a defaulted constructor would not be compiled for the instruction set

  hn::Vec<Vectors<T>> at[kColumns][kBlockVectors<T>];
};

template <class T, int kColumns>
HWY_INLINE bool are_finite(const Sums<T, kColumns>& sums) {
  const Vectors<T> d;
  auto zero_if_finite = hn::Zero(d);
  for (const auto& column : sums.at)
    for (const auto& vector : column)
      zero_if_finite = hn::Add(zero_if_finite, hn::Mul(vector, hn::Zero(d)));
  return hn::AllTrue(d, hn::Eq(zero_if_finite, hn::Zero(d)));
}

/// Writes kChannels columns, starting at `first`, to `out`, [kBlockLanes, channels].
template <class T, int kChannels, int kColumns>
HWY_INLINE void store(const Sums<T, kColumns>& sums, int first, T* out, int64_t channels) {
  const Vectors<T> d;
  constexpr int kLanes = hn::MaxLanes(d);
  alignas(64) T lanes[kChannels][kBlockLanes];
  for (int v = 0; v < kBlockVectors<T>; ++v) {
    T* to = out + v * kLanes * kChannels;
    if (channels == 1 && kChannels == 1)
      hn::StoreU(sums.at[first][v], d, to);
    else if (channels == 2 && kChannels == 2)
      hn::StoreInterleaved2(sums.at[first][v], sums.at[first + kChannels - 1][v], d, to);
    else
      for (int c = 0; c < kChannels; ++c)
        hn::Store(sums.at[first + c][v], d, lanes[c] + v * kLanes);
  }
  if (kChannels <= 2 && channels == kChannels) return;
  for (int l = 0; l < kBlockLanes; ++l, out += channels)
    for (int c = 0; c < kChannels; ++c) out[c] = lanes[c][l];
}

}  // namespace
}  // namespace torchstreamer::audio::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // TORCHSTREAMER_AUDIO_BLOCK_SUMS
