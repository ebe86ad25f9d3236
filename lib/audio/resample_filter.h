// Sample rate conversion that equals torchaudio.functional.resample, as a stream.
//
// (1) Interpolation. Input k is at the time k / source_hz, in seconds. A signal whose frequencies
//     are all below source_hz / 2 has at any time t the value
//
//       x(t) = sum over k of  x[k] * sinc(source_hz * t - k),    sinc(u) = sin(pi * u) / (pi * u).
//
// (2) Low-pass filter. Output j is at the time j / target_hz. Frequencies above the lower one of
//     the two Nyquist frequencies would be aliased. The sinc therefore has the cut-off frequency
//     f = rolloff * min(source_hz, target_hz) / 2, in Hz:
//
//       y[j] = sum over k of  x[k] * h(j / target_hz - k / source_hz),
//       h(t) = 2 * f / source_hz * sinc(2 * f * t).
//
// (3) Window. The sinc is infinitely long. At u = 2 * f * t, in zero crossings from its centre, it
//     is multiplied by a window that is zero for |u| >= width = lowpass_filter_width:
//
//       hann:    cos(pi / 2 * u / width)^2
//       kaiser:  I0(beta * sqrt(1 - (u / width)^2)) / I0(beta),  I0: modified Bessel function
//
// (4) Phases. The rates, divided by their greatest common divisor, are orig and new. The
//     coefficients repeat after `new` outputs, shifted by `orig` inputs:
//
//       y[j] = sum over k of  x[(j / new) * orig + k] * kernel[j % new][k].
//
// Sources: J. O. Smith, "Digital Audio Resampling Home Page",
// https://ccrma.stanford.edu/~jos/resample/; torchaudio.functional.resample; Kaldi,
// feat/resample.h. torchaudio also multiplies with the zeros outside of the window. They are
// omitted here, so that the stream is fast and small and has the smallest possible delay.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "audio/interpolated_filter.h"
#include "audio/kernels.h"
#include "audio/polynomial_blocks.h"
#include "audio/resample_clock.h"
#include "audio/windowed_sinc.h"

namespace torchstreamer::audio {

/// The filter of one pair of rates, shared by streams. Immutable and thread-safe. T: float or
/// double.
///
/// The coefficients equal those of torchaudio for waveforms of type T within rounding. Coefficients
/// outside of the window are zero; those of torchaudio are zero within rounding.
template <class T>
class ResampleFilter {
 public:
  /// Up to kBlockLanes consecutive output frames that are computed together, and consecutive input
  /// frames that contain all inputs of these outputs. Row r has the coefficients of input frame
  /// `first + r` for each output, or zero for outputs that do not depend on it.
  struct Block {
    int64_t first;      ///< first input frame, counted from the start of the block's period
    int64_t outputs;    ///< number of output frames
    int64_t row_index;  ///< index of its first row in the table of all rows
  };
  /// A block at a position in the signal.
  struct Place {
    const Block* block;
    int64_t output;  ///< its first output frame
    int64_t frame;   ///< its first input frame
  };

  /// Throws Error for invalid rates or options.
  ResampleFilter(int64_t source_hz, int64_t target_hz, const ResampleOptions& options);

  const ResampleClock& clock() const { return clock_; }
  /// Returns true if the rates are equal and the output is a copy of the input.
  bool passes_through() const { return clock_.orig() == clock_.phases(); }

  /// Writes the coefficients of output `phase` < new, for its input frames in order.
  void coefficients(int64_t phase, T* out) const;

  /// Returns true if there is a table of coefficients. If it would be too large, coefficients are
  /// interpolated instead: those of blocks, if polynomials(), or else those of single outputs.
  bool has_table() const { return !polynomials_ && !interpolated_; }
  /// Returns true if outputs are computed in blocks, from the table or from polynomials().
  bool has_blocks() const { return !interpolated_; }
  const InterpolatedFilter<T>& interpolated() const { return *interpolated_; }
  /// Number of output frames after which blocks repeat with the same coefficients.
  int64_t period_outputs() const { return period_outputs_; }
  int64_t period_frames() const { return period_frames_; }
  /// The block that contains an output frame.
  Place place(int64_t output) const {
    const int64_t period = output / period_outputs_;
    const int64_t index = (output - period * period_outputs_) / kBlockLanes;
    return {&blocks_[index], period * period_outputs_ + index * kBlockLanes,
            period * period_frames_ + blocks_[index].first};
  }
  /// The next block.
  Place next(const Place& place) const {
    const bool is_last = place.block == &blocks_.back();
    const Block* block = is_last ? blocks_.data() : place.block + 1;
    const int64_t frames = block->first - place.block->first + (is_last ? period_frames_ : 0);
    return {block, place.output + place.block->outputs, place.frame + frames};
  }
  int64_t index(const Block& block) const { return &block - blocks_.data(); }
  /// The polynomials of the blocks, if the coefficients would not fit in the table.
  const std::optional<PolynomialBlocks<T>>& polynomials() const { return polynomials_; }
  const Row<T>* rows(const Block& block) const { return &rows_[block.row_index]; }
  /// Number of input frames of a block. The same for all blocks, because processors can predict the
  /// end of loops of equal length.
  int64_t block_rows() const { return block_rows_; }

 private:
  void lay_out_blocks();
  void lay_out_polynomials();
  void fill_rows();

  ResampleClock clock_;
  WindowedSinc<T> sinc_;
  std::optional<PolynomialBlocks<T>> polynomials_;
  std::optional<InterpolatedFilter<T>> interpolated_;
  int64_t period_outputs_ = 0;
  int64_t period_frames_ = 0;
  int64_t block_rows_ = 0;
  std::vector<Block> blocks_;
  std::vector<Row<T>> rows_;
};

}  // namespace torchstreamer::audio
