// The loops that the resampler spends its time in, compiled for several processors and chosen when
// the program runs. They give the same bits on all of them.
#pragma once

#include <cstdint>

namespace torchstreamer::audio {

/// Output frames that are computed together.
constexpr int kBlockLanes = 16;

/// The coefficients of a block of output frames for one input frame.
template <class T>
struct alignas(64) Row {
  T lane[kBlockLanes];
};

/// Rows whose products are added up among themselves first: of many hundred products, a plain sum
/// in float32 would lose more than the 1e-6 that are promised.
constexpr int64_t kRowsAtOnce = 32;

/// A block of output frames in each of several periods of the signal: the same coefficients.
template <class T>
struct BlockRepeats {
  const Row<T>* rows;
  int64_t row_count;
  int64_t channels;
  int64_t repeats;      ///< periods
  const T* in;          ///< [row_count, channels]
  T* out;               ///< [kBlockLanes, channels]
  int64_t in_samples;   ///< from one period to the next
  int64_t out_samples;  ///< from one period to the next
};

/// The kernels for one type of sample: float or double.
template <class T>
struct Kernels {
  /// out[l][c] = sum over r of rows[r].lane[l] * in[r][c], for every lane, channel and repeat.
  /// Returns whether all of these are finite.
  bool (*compute)(const BlockRepeats<T>& blocks);

  /// Samples times `full_scale` as integers: rounded to the nearest, halves to even, saturated at
  /// -full_scale and full_scale - 1. NaN becomes 0.
  void (*round)(const T* in, int64_t samples, T full_scale, int32_t* out);
};

/// The best for this processor.
template <class T>
Kernels<T> best_kernels();

}  // namespace torchstreamer::audio
