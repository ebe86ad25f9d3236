// The kernel of blocks of output frames whose coefficients are polynomials. Included once for each
// instruction set.
#if defined(TORCHSTREAMER_AUDIO_BLOCK_INTERPOLATION) == defined(HWY_TARGET_TOGGLE)
#ifdef TORCHSTREAMER_AUDIO_BLOCK_INTERPOLATION
#undef TORCHSTREAMER_AUDIO_BLOCK_INTERPOLATION
#else
#define TORCHSTREAMER_AUDIO_BLOCK_INTERPOLATION
#endif

#include "audio/block_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::audio::HWY_NAMESPACE {
namespace {

/// One vector of the lanes of a block.
template <class T>
struct LaneVector {
  HWY_INLINE LaneVector(const BlockPolynomials<T>& p, int first_lane)
      : time(hn::LoadU(Vectors<T>(), p.lane_times + first_lane)),
        first_row(hn::LoadU(Vectors<T>(), p.first_rows + first_lane)),
        last_row(hn::LoadU(Vectors<T>(), p.last_rows + first_lane)),
        rows(p.rows->lane + first_lane) {}

  hn::Vec<Vectors<T>> time, first_row, last_row;
  const T* rows;  // of the first input frame
};

/// Adds rows [begin, end) for kChannels channels. kIsEdge: the input frames may be outside of the
/// window of some lanes. Their products are not used: the input may be NaN there.
template <int kDegree, bool kIsEdge, class T, int kChannels>
HWY_INLINE void add_rows(const BlockPolynomials<T>& polynomials, const LaneVector<T>& lanes,
                         const T* in, int64_t channels, int64_t begin, int64_t end,
                         hn::Vec<Vectors<T>> (&sums)[kChannels]) {
  const Vectors<T> d;
  const T* row = lanes.rows + begin * (kDegree + 1) * kBlockLanes;
  for (int64_t r = begin; r < end; ++r, row += (kDegree + 1) * kBlockLanes) {
    const auto x = hn::Sub(hn::Set(d, polynomials.tap_times[r]), lanes.time);
    auto coefficient = hn::Load(d, row);
    for (int p = 1; p <= kDegree; ++p)
      coefficient = hn::Add(hn::Mul(coefficient, x), hn::Load(d, row + p * kBlockLanes));
    const auto index = hn::Set(d, static_cast<T>(r));
    for (int c = 0; c < kChannels; ++c) {
      auto product = hn::Mul(coefficient, hn::Set(d, in[r * channels + c]));
      if constexpr (kIsEdge)
        product = hn::IfThenElseZero(
            hn::And(hn::Ge(index, lanes.first_row), hn::Le(index, lanes.last_row)), product);
      sums[c] = hn::Add(sums[c], product);
    }
  }
}

/// Number of rows of a partial sum. The errors of interpolation add to those of the sums, which are
/// therefore smaller than those of a table.
inline constexpr int64_t kInterpolatedRowsAtOnce = 8;

/// Computes kChannels channels. Not inlined, so that its loops keep all values in registers.
template <int kDegree, int kChannels, class T>
HWY_NOINLINE bool interpolate_block(const BlockRepeats<T>& b, const T* in, T* out) {
  const Vectors<T> d;
  const BlockPolynomials<T>& p = b.polynomials;
  const int64_t inner_begin = HWY_MIN(p.inner_begin, b.row_count);
  const int64_t inner_end = HWY_MAX(inner_begin, HWY_MIN(p.inner_end, b.row_count));
  Sums<T, kChannels> sums;
  for (int v = 0; v < kBlockVectors<T>; ++v) {
    const LaneVector<T> lanes(p, v * hn::MaxLanes(d));
    for (int c = 0; c < kChannels; ++c) sums.at[c][v] = hn::Zero(d);
    for (int64_t first = 0; first < b.row_count; first += kInterpolatedRowsAtOnce) {
      const int64_t end = HWY_MIN(first + kInterpolatedRowsAtOnce, b.row_count);
      const int64_t inner = HWY_MIN(HWY_MAX(first, inner_begin), end);
      const int64_t outer = HWY_MIN(HWY_MAX(inner, inner_end), end);
      hn::Vec<Vectors<T>> part[kChannels];
      for (auto& sum : part) sum = hn::Zero(d);
      add_rows<kDegree, true, T, kChannels>(p, lanes, in, b.channels, first, inner, part);
      add_rows<kDegree, false, T, kChannels>(p, lanes, in, b.channels, inner, outer, part);
      add_rows<kDegree, true, T, kChannels>(p, lanes, in, b.channels, outer, end, part);
      for (int c = 0; c < kChannels; ++c) sums.at[c][v] = hn::Add(sums.at[c][v], part[c]);
    }
  }
  store<T, kChannels>(sums, 0, out, b.channels);
  return are_finite(sums);
}

template <int kDegree, class T>
HWY_INLINE bool interpolate_repeats(const BlockRepeats<T>& b) {
  const T* in = b.in;
  T* out = b.out;
  bool is_finite = true;
  for (int64_t r = 0; r < b.repeats; ++r, in += b.in_samples, out += b.out_samples) {
    int64_t c = 0;
    for (; c + 4 <= b.channels; c += 4)
      is_finite &= interpolate_block<kDegree, 4>(b, in + c, out + c);
    for (; c + 2 <= b.channels; c += 2)
      is_finite &= interpolate_block<kDegree, 2>(b, in + c, out + c);
    if (c < b.channels) is_finite &= interpolate_block<kDegree, 1>(b, in + c, out + c);
  }
  return is_finite;
}

template <class T>
bool interpolate_blocks(const BlockRepeats<T>& b) {
  switch (b.polynomials.degree) {
    case 3:
      return interpolate_repeats<3>(b);
    case 4:
      return interpolate_repeats<4>(b);
    default:
      return interpolate_repeats<5>(b);
  }
}

}  // namespace
}  // namespace torchstreamer::audio::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // TORCHSTREAMER_AUDIO_BLOCK_INTERPOLATION
