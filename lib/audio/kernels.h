// The inner loops of the resampler, compiled for several instruction sets. One is selected at run
// time; the results of all have the same bits.
#pragma once

#include <cstdint>

namespace torchstreamer::audio {

/// Number of output frames that are computed together.
constexpr int kBlockLanes = 16;

/// The coefficients of one input frame for all outputs of a block.
template <class T>
struct alignas(64) Row {
  T lane[kBlockLanes];
};

/// Number of rows of a partial sum. In float32, a single sum of many hundred products would have an
/// error of more than 1e-6.
constexpr int64_t kRowsAtOnce = 32;

/// A block with the same coefficients in several consecutive periods of the signal.
template <class T>
struct BlockRepeats {
  const Row<T>* rows;
  int64_t row_count;
  int64_t channels;
  int64_t repeats;      ///< number of periods
  const T* in;          ///< [row_count, channels]
  T* out;               ///< [kBlockLanes, channels]
  int64_t in_samples;   ///< samples from one period to the next
  int64_t out_samples;  ///< samples from one period to the next
};

/// The kernels for one type of samples: float or double.
template <class T>
struct Kernels {
  /// out[l][c] = sum over r of rows[r].lane[l] * in[r][c], for every lane, channel and repeat.
  /// Returns true if all results are finite.
  bool (*compute)(const BlockRepeats<T>& blocks);

  /// Multiplies samples by `full_scale` and converts them to integers: rounded to the nearest,
  /// halves to even, saturated at -full_scale and full_scale - 1. NaN becomes 0.
  void (*round)(const T* in, int64_t samples, T full_scale, int32_t* out);
};

/// Returns the kernels for the best instruction set of the processor.
template <class T>
Kernels<T> best_kernels();

}  // namespace torchstreamer::audio
