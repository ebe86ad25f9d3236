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

/// Degrees of the polynomials of a block.
constexpr int kBlockDegrees[] = {3, 4, 5};

/// Polynomials of the coefficients of a block.
template <class T>
struct BlockPolynomials {
  const Row<T>* rows;  ///< [row_count, degree + 1], the highest power first
  int degree;
  int64_t inner_begin, inner_end;   ///< rows that are added without a look at the windows
  const T* tap_times;               ///< [row_count]
  const T* lane_times;              ///< [kBlockLanes]
  const T *first_rows, *last_rows;  ///< window of each lane, [kBlockLanes]
};

/// A block with the same coefficients in several consecutive periods of the signal.
template <class T>
struct BlockRepeats {
  const Row<T>* rows;
  int64_t row_count;
  int64_t channels;
  int64_t repeats;                  ///< number of periods
  const T* in;                      ///< [row_count, channels]
  T* out;                           ///< [kBlockLanes, channels]
  int64_t in_samples;               ///< samples from one period to the next
  int64_t out_samples;              ///< samples from one period to the next
  BlockPolynomials<T> polynomials;  ///< instead of rows
};

/// Number of taps of an output frame that are computed together, if coefficients are interpolated:
/// a row of 64 bytes.
template <class T>
constexpr int kTapLanes = 64 / sizeof(T);

/// Degrees of the polynomials that interpolate coefficients, in ascending order.
constexpr int kDegrees[] = {2, 3, 4, 5, 9};
constexpr int kMaxDegree = 9;

/// One number for each of several taps.
template <class T>
struct alignas(64) TapRow {
  T lane[kTapLanes<T>];
};

/// Polynomials of consecutive taps. The rows of each vector of taps are the centre and the
/// coefficients, the highest power first.
template <class T>
struct TapPolynomials {
  const TapRow<T>* rows;  ///< [vectors, degree + 2]
  int64_t vectors;
  int degree;
};

/// An output frame whose coefficients are interpolated.
template <class T>
struct InterpolatedFrame {
  T time;          ///< see Kernels
  int32_t tap;     ///< index of the first tap in `tap_times`
  int32_t in;      ///< index of the first input frame
  int32_t taps;    ///< number of input frames, at least (vectors - 1) * kTapLanes<T>
  int32_t output;  ///< index of the output frame
};

/// Output frames whose coefficients are interpolated by the same polynomials.
template <class T>
struct InterpolatedFrames {
  TapPolynomials<T> polynomials;
  bool rounds_angles;
  T base, pi;          ///< used if `rounds_angles`
  T edge_angle;        ///< maximum angle
  bool clamps_angles;  ///< false: angles beyond the edge need not be clamped
  const T* tap_times;  ///< see Kernels
  const T* planes;     ///< the input, [channels, plane_samples]
  int64_t channels;
  int64_t plane_samples;  ///< samples from one channel of the input to the next
  T* out;                 ///< [outputs, channels]
  const InterpolatedFrame<T>* const* frames;
  int64_t count;
};

/// The kernels for one type of samples: float or double.
template <class T>
struct Kernels {
  /// out[l][c] = sum over r of rows[r].lane[l] * in[r][c], for every lane, channel and repeat.
  /// Returns true if all results are finite.
  bool (*compute)(const BlockRepeats<T>& blocks);

  /// out[l][c] = sum over r of coefficient(r, l) * in[r][c], for the rows of the window of lane l.
  /// The coefficient is the polynomial of x = tap_times[r] - lane_times[l].
  /// Returns true if all results are finite.
  bool (*interpolate_blocks)(const BlockRepeats<T>& blocks);

  /// out[c] = sum over n of coefficient[n] * in[n][c], for every frame and channel. The coefficient
  /// is the polynomial of x = angle - centre, where the angle is at most edge_angle and
  ///
  ///   angle = (tap_time - time) * base * pi    if rounds_angles,
  ///   x = tap_time - time                      otherwise.
  void (*interpolate)(const InterpolatedFrames<T>& frames);

  /// Multiplies samples by `full_scale` and converts them to integers: rounded to the nearest,
  /// halves to even, saturated at -full_scale and full_scale - 1. NaN becomes 0.
  void (*round)(const T* in, int64_t samples, T full_scale, int32_t* out);
};

/// Returns the kernels for the best instruction set of the processor.
template <class T>
Kernels<T> best_kernels();

}  // namespace torchstreamer::audio
