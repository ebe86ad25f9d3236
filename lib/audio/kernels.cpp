#include "audio/kernels.h"

// Vectors whose length is not known to the compiler cannot be kept in arrays.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
// Highway compiles this file once for each kind of processor.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "audio/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::audio::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// One part of the rows for all columns: each coefficient is loaded once.
///
/// Products and sums are rounded one by one, never fused, so that every processor and every lane
/// gives the bits of the same sum over an output's own taps.
template <int kColumns, int kVectors, class D, class T>
HWY_INLINE void multiply_part(D d, const Row<T>* rows, int64_t row_count, const T* const* columns,
                              int64_t offset, int64_t stride,
                              hn::Vec<D> (&part)[kColumns][kVectors]) {
  for (auto& column : part)
    for (auto& vector : column) vector = hn::Zero(d);
  for (int64_t r = 0; r < row_count; ++r, offset += stride) {
    hn::Vec<D> row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = hn::Load(d, rows[r].lane + v * hn::MaxLanes(d));
    for (int c = 0; c < kColumns; ++c) {
      const auto sample = hn::Set(d, columns[c][offset]);
      for (int v = 0; v < kVectors; ++v) part[c][v] = hn::Add(part[c][v], hn::Mul(row[v], sample));
    }
  }
}

template <int kColumns, class T>
bool multiply_columns(const Row<T>* rows, int64_t row_count, const T* const* columns,
                      int64_t stride, Tile<T>* tile) {
  const hn::CappedTag<T, kBlockLanes> d;
  constexpr int kVectors = kBlockLanes / hn::MaxLanes(d);
  const T* x[kColumns];
  for (int c = 0; c < kColumns; ++c) x[c] = columns[c];
  hn::Vec<decltype(d)> sum[kColumns][kVectors];
  multiply_part(d, rows, HWY_MIN(row_count, kRowsAtOnce), x, 0, stride, sum);
  for (int64_t start = kRowsAtOnce; start < row_count; start += kRowsAtOnce) {
    hn::Vec<decltype(d)> part[kColumns][kVectors];
    multiply_part(d, rows + start, HWY_MIN(row_count - start, kRowsAtOnce), x, start * stride,
                  stride, part);
    for (int c = 0; c < kColumns; ++c)
      for (int v = 0; v < kVectors; ++v) sum[c][v] = hn::Add(sum[c][v], part[c][v]);
  }
  auto nan_unless_finite = hn::Zero(d);
  for (int c = 0; c < kColumns; ++c)
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(sum[c][v], d, tile->column[c] + v * hn::MaxLanes(d));
      nan_unless_finite = hn::Add(nan_unless_finite, hn::Mul(sum[c][v], hn::Zero(d)));
    }
  return hn::AllTrue(d, hn::Eq(nan_unless_finite, hn::Zero(d)));
}

template <class T>
bool multiply(const Row<T>* rows, int64_t row_count, const T* const* columns, int column_count,
              int64_t stride, Tile<T>* tile) {
  switch (column_count) {
    case 1:
      return multiply_columns<1>(rows, row_count, columns, stride, tile);
    case 2:
      return multiply_columns<2>(rows, row_count, columns, stride, tile);
    case 3:
      return multiply_columns<3>(rows, row_count, columns, stride, tile);
    default:
      return multiply_columns<4>(rows, row_count, columns, stride, tile);
  }
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

Kernels<float> kernels_f32() { return {multiply<float>, round<float>}; }
Kernels<double> kernels_f64() { return {multiply<double>, round<double>}; }

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
