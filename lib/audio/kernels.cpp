#include "audio/kernels.h"
#include "support/simd_targets.h"

// Compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "audio/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "audio/block_interpolation-inl.h"
#include "audio/block_sums-inl.h"
#include "audio/interpolation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::audio::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// Adds up some of the rows for all columns. Loads each coefficient once.
///
/// Products and sums are rounded separately, never fused, so that the sum of an output has the same
/// bits on all processors and in all lanes.
template <class T, int kColumns>
HWY_INLINE Sums<T, kColumns> add_up(const Row<T>* rows, int64_t row_count,
                                    const T* const (&columns)[kColumns], int64_t offset,
                                    int64_t stride) {
  const Vectors<T> d;
  Sums<T, kColumns> sums;
  for (auto& column : sums.at)
    for (auto& vector : column) vector = hn::Zero(d);
  for (int64_t r = 0; r < row_count; ++r, offset += stride) {
    hn::Vec<Vectors<T>> row[kBlockVectors<T>];
    for (int v = 0; v < kBlockVectors<T>; ++v)
      row[v] = hn::Load(d, rows[r].lane + v * hn::MaxLanes(d));
    for (int c = 0; c < kColumns; ++c) {
      const auto sample = hn::Set(d, columns[c][offset]);
      for (int v = 0; v < kBlockVectors<T>; ++v)
        sums.at[c][v] = hn::Add(sums.at[c][v], hn::Mul(row[v], sample));
    }
  }
  return sums;
}

/// Computes kChannels channels of kRepeats repeats. Not inlined, so that its loops keep all values
/// in registers.
template <class T, int kChannels, int kRepeats>
HWY_NOINLINE bool compute_tile(const BlockRepeats<T>& b, const T* in, T* out) {
  constexpr int kColumns = kChannels * kRepeats;
  const T* columns[kColumns];
  for (int c = 0; c < kColumns; ++c) columns[c] = in + c / kChannels * b.in_samples + c % kChannels;
  auto sums = add_up(b.rows, HWY_MIN(b.row_count, kRowsAtOnce), columns, 0, b.channels);
  for (int64_t r = kRowsAtOnce; r < b.row_count; r += kRowsAtOnce) {
    const auto part = add_up(b.rows + r, HWY_MIN(b.row_count - r, kRowsAtOnce), columns,
                             r * b.channels, b.channels);
    for (int c = 0; c < kColumns; ++c)
      for (int v = 0; v < kBlockVectors<T>; ++v)
        sums.at[c][v] = hn::Add(sums.at[c][v], part.at[c][v]);
  }
  for (int r = 0; r < kRepeats; ++r)
    store<T, kChannels>(sums, r * kChannels, out + r * b.out_samples, b.channels);
  return are_finite(sums);
}

/// Computes all repeats, kRepeats at a time, then the remaining ones.
template <class T, int kChannels, int kRepeats>
HWY_INLINE bool compute_repeats(const BlockRepeats<T>& b, const T* in, T* out, int64_t repeats) {
  bool is_finite = true;
  for (; repeats >= kRepeats; repeats -= kRepeats) {
    is_finite &= compute_tile<T, kChannels, kRepeats>(b, in, out);
    in += kRepeats * b.in_samples;
    out += kRepeats * b.out_samples;
  }
  if constexpr (kRepeats > 1)
    is_finite &= compute_repeats<T, kChannels, kRepeats - 1>(b, in, out, repeats);
  return is_finite;
}

/// Computes kChannels channels, with as many repeats at a time as fit in registers.
template <class T, int kChannels>
HWY_INLINE bool compute_channels(const BlockRepeats<T>& b, int64_t channel) {
  constexpr int kRepeats = 8 / (kBlockVectors<T> * kChannels);
  return compute_repeats<T, kChannels, HWY_MAX(1, HWY_MIN(kRepeats, 4))>(
      b, b.in + channel, b.out + channel, b.repeats);
}

template <class T>
bool compute(const BlockRepeats<T>& b) {
  bool is_finite = true;
  int64_t channel = 0;
  for (; channel + 2 <= b.channels; channel += 2) is_finite &= compute_channels<T, 2>(b, channel);
  if (channel < b.channels) is_finite &= compute_channels<T, 1>(b, channel);
  return is_finite;
}

template <class T>
void round(const T* in, int64_t samples, T full_scale, int32_t* out) {
  const hn::ScalableTag<T> d;
  const hn::Rebind<int32_t, decltype(d)> di;
  const auto scale = hn::Set(d, full_scale);
  const auto least = hn::Set(d, -full_scale), most = hn::Set(d, full_scale - 1);
  auto round_one = [&](auto x) HWY_ATTR {
    const auto number = hn::IfThenElseZero(hn::Eq(x, x), hn::Mul(x, scale));
    const auto clamped = hn::Min(hn::Max(number, least), most);
    if constexpr (sizeof(T) == sizeof(float))
      return hn::NearestInt(clamped);
    else
      return hn::DemoteTo(di, hn::Round(clamped));
  };
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= samples; i += lanes) hn::StoreU(round_one(hn::LoadU(d, in + i)), di, out + i);
  for (; i < samples; ++i) out[i] = hn::GetLane(round_one(hn::Set(d, in[i])));
}

Kernels<float> kernels_f32() {
  return {compute<float>, interpolate_blocks<float>, interpolate<float>, round<float>};
}
Kernels<double> kernels_f64() {
  return {compute<double>, interpolate_blocks<double>, interpolate<double>, round<double>};
}

}  // namespace
}  // namespace torchstreamer::audio::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace torchstreamer::audio {
namespace {

HWY_EXPORT(kernels_f32);
HWY_EXPORT(kernels_f64);

}  // namespace

template <>
Kernels<float> best_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f32)();
}

template <>
Kernels<double> best_kernels() {
  return HWY_DYNAMIC_DISPATCH(kernels_f64)();
}

}  // namespace torchstreamer::audio
#endif
