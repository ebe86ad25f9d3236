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
#include <string>
#include <vector>

#include "audio/kernels.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::audio {

/// Arguments of torchaudio.functional.resample, with the names and default values of torchaudio 2.
struct ResampleOptions {
  /// "sinc_interp_hann" or "sinc_interp_kaiser".
  std::string resampling_method = "sinc_interp_hann";
  /// Number of zero crossings of the sinc on either side, at least 1. More give a steeper and
  /// slower filter.
  int lowpass_filter_width = 6;
  /// Cut-off frequency as a fraction of the lower Nyquist frequency, in (0, 1].
  double rolloff = 0.99;
  /// Shape of the Kaiser window, in [-88, 88].
  double beta = 14.769656459379492;
};
bool operator==(const ResampleOptions& a, const ResampleOptions& b);

/// The input frames of each output frame. Output j depends on the input frames k with
///
///   |k / orig - j / new| * min(orig, new) * rolloff < lowpass_filter_width,
///
/// which is |k * new - j * orig| <= reach for an integer `reach`. All counts are therefore closed
/// formulas, equal for float and double. Input frames before and after the signal are zero.
class ResampleClock {
 public:
  ResampleClock(int64_t orig, int64_t new_, int64_t reach)
      : orig_(orig), new_(new_), reach_(reach) {}

  int64_t first(int64_t output) const;
  int64_t last(int64_t output) const;
  /// Output frames of a signal of `frames` frames: ceil(new * frames / orig).
  int64_t total(int64_t frames) const;
  /// Number of output frames that depend only on the first `frames` input frames.
  int64_t certain(int64_t frames) const;

  int64_t orig() const { return orig_; }
  int64_t phases() const { return new_; }
  /// Maximum number of input frames of one output frame.
  int64_t longest_taps() const { return 2 * reach_ / new_ + 1; }

 private:
  int64_t orig_, new_, reach_;
};

/// The filter of one pair of rates, shared by streams. Immutable and thread-safe. T: float or
/// double.
///
/// The coefficients equal those that torchaudio (0.13 to 2.x, `_get_sinc_resample_kernel`) computes
/// for waveforms of type T. torchaudio computes them in T. For large reduced rates, the rounding
/// error of the sinc's argument is far larger than that of the result, so the argument is computed
/// here with the same operations in the same order. Coefficients outside of the window are zero;
/// those of torchaudio are zero within rounding.
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

  Timing timing() const;
  const ResampleClock& clock() const { return clock_; }
  /// Returns true if the rates are equal and the output is a copy of the input.
  bool passes_through() const { return orig_ == new_; }

  /// Writes the coefficients of output `phase` < new, for its input frames in order.
  void coefficients(int32_t phase, T* out) const;

  /// Returns true if there is a table of blocks. If the table would be too large, there is none,
  /// and coefficients() is called for each output frame.
  bool has_blocks() const { return !blocks_.empty(); }
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
  const Row<T>* rows(const Block& block) const { return &rows_[block.row_index]; }
  /// Number of input frames of a block. The same for all blocks, because processors can predict the
  /// end of loops of equal length.
  int64_t block_rows() const { return block_rows_; }

 private:
  T position(int32_t phase, int32_t tap) const;
  void lay_out_blocks();
  void fill_rows();

  int64_t orig_, new_;
  ResampleClock clock_;
  bool is_kaiser_;
  T width_, base_, scale_, beta_, i0_beta_;
  std::vector<double> i0_series_;
  int64_t period_outputs_ = 0;
  int64_t period_frames_ = 0;
  int64_t block_rows_ = 0;
  std::vector<Block> blocks_;
  std::vector<Row<T>> rows_;
};

}  // namespace torchstreamer::audio
