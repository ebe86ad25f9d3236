// The loops that the resampler spends its time in, compiled for several processors and chosen when
// the program runs. They give the same bits on all of them.
#pragma once

#include <cstdint>

namespace torchstreamer::audio {

/// Outputs that are computed together, and the most columns of input that one call takes.
constexpr int kBlockLanes = 16;
constexpr int kMostColumns = 4;

/// The coefficients of a block of outputs for one input frame.
template <class T>
struct alignas(64) Row {
  T lane[kBlockLanes];
};

/// One result for each column.
template <class T>
struct alignas(64) Tile {
  T column[kMostColumns][kBlockLanes];
};

/// Rows whose products are added up among themselves first: of many hundred products, a plain sum
/// in float32 would lose more than the 1e-6 that are promised.
constexpr int64_t kRowsAtOnce = 32;

/// The kernels for one type of sample: float or double.
template <class T>
struct Kernels {
  /// tile.column[c][l] = sum over r < row_count of rows[r].lane[l] * columns[c][r * stride], for
  /// c < column_count <= kMostColumns. Returns whether all of these are finite.
  bool (*multiply)(const Row<T>* rows, int64_t row_count, const T* const* columns, int column_count,
                   int64_t stride, Tile<T>* tile);

  /// Samples times `full_scale` as integers: rounded to the nearest, halves to even, saturated at
  /// -full_scale and full_scale - 1. NaN becomes 0.
  void (*round)(const T* in, int64_t samples, T full_scale, int32_t* out);
};

/// The best for this processor.
template <class T>
Kernels<T> best_kernels();

}  // namespace torchstreamer::audio
