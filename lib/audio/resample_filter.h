// Sample rate conversion that equals torchaudio.functional.resample, as a stream.
//
// With the rates reduced to orig : new, output j is a sum over the input around j * orig / new:
//
//   y[j] = sum over k of  x[(j / new) * orig + k] * kernel[j % new][k]
//
// The kernel is a windowed sinc that is zero outside lowpass_filter_width zero crossings, so each
// phase j % new has a short run of taps k. torchaudio multiplies the zeros around them, too; here
// they do not exist, which is what makes the stream fast, small and free of needless delay.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "audio/kernels.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::audio {

/// The arguments of torchaudio.functional.resample, named and defaulted as in torchaudio 2.
struct ResampleOptions {
  /// "sinc_interp_hann" or "sinc_interp_kaiser".
  std::string resampling_method = "sinc_interp_hann";
  /// Zero crossings of the sinc on either side; more is sharper and slower. At least 1.
  int lowpass_filter_width = 6;
  /// Cutoff as a fraction of the lower Nyquist frequency, in (0, 1].
  double rolloff = 0.99;
  /// Shape of the Kaiser window, in [-88, 88].
  double beta = 14.769656459379492;
};
bool operator==(const ResampleOptions& a, const ResampleOptions& b);

/// Which input frames each output frame needs: output j is computed from the input frames k with
///
///   |k / orig - j / new| * min(orig, new) * rolloff < lowpass_filter_width,
///
/// that is |k * new - j * orig| <= reach for an integer `reach`. So all counts are closed formulas,
/// equal for float and double. Input frames before and behind the signal are zero.
class ResampleClock {
 public:
  ResampleClock(int64_t orig, int64_t new_, int64_t reach)
      : orig_(orig), new_(new_), reach_(reach) {}

  int64_t first(int64_t output) const;
  int64_t last(int64_t output) const;
  /// Output frames of a signal of `frames` frames: ceil(new * frames / orig).
  int64_t total(int64_t frames) const;
  /// Output frames that need nothing behind the first `frames` frames.
  int64_t certain(int64_t frames) const;

  int64_t orig() const { return orig_; }
  int64_t phases() const { return new_; }
  /// The most input frames that one output frame needs.
  int64_t longest_taps() const { return 2 * reach_ / new_ + 1; }

 private:
  int64_t orig_, new_, reach_;
};

/// The filter of one pair of rates. Immutable, thread-safe, shared by streams. T: float or double.
///
/// Coefficients equal those that torchaudio (0.13 to 2.x, `_get_sinc_resample_kernel`) computes for
/// waveforms of type T: it does so in T itself, and where the reduced rates are large the rounding
/// of the sinc's argument is far larger than the rounding of the result. The argument is therefore
/// computed with the same operations in the same order. Outside the window, where torchaudio's
/// coefficients are what rounding leaves of zero, they are zero.
template <class T>
class ResampleFilter {
 public:
  /// Up to kBlockLanes consecutive output frames, computed together, and a run of input frames that
  /// holds all that any of them uses. Row r holds the coefficients of input frame `first + r` for
  /// each of them, zero where an output does not use it.
  struct Block {
    int64_t first;      ///< input frame, in the period that the block is in
    int64_t outputs;    ///< output frames
    int64_t row_index;  ///< of its rows among those of all blocks
  };
  /// A block at its place in a signal.
  struct Place {
    const Block* block;
    int64_t output;  ///< its first output frame
    int64_t frame;   ///< its first input frame
  };

  /// Throws Error for rates or options that are not allowed.
  ResampleFilter(int64_t source_hz, int64_t target_hz, const ResampleOptions& options);

  Timing timing() const;
  const ResampleClock& clock() const { return clock_; }
  /// Equal rates: the output is the input.
  bool passes_through() const { return orig_ == new_; }

  /// Writes the coefficients of output `phase` < new for its input frames, first to last.
  void coefficients(int32_t phase, T* out) const;

  /// False where a table of blocks would be too large: then there are none, and coefficients() is
  /// called for each output frame.
  bool has_blocks() const { return !blocks_.empty(); }
  /// Blocks repeat after this many output frames, with the same coefficients.
  int64_t period_outputs() const { return period_outputs_; }
  int64_t period_frames() const { return period_frames_; }
  /// The block that an output frame is in.
  Place place(int64_t output) const {
    const int64_t period = output / period_outputs_;
    const int64_t index = (output - period * period_outputs_) / kBlockLanes;
    return {&blocks_[index], period * period_outputs_ + index * kBlockLanes,
            period * period_frames_ + blocks_[index].first};
  }
  /// The block behind one.
  Place next(const Place& place) const {
    const bool is_last = place.block == &blocks_.back();
    const Block* block = is_last ? blocks_.data() : place.block + 1;
    const int64_t frames = block->first - place.block->first + (is_last ? period_frames_ : 0);
    return {block, place.output + place.block->outputs, place.frame + frames};
  }
  const Row<T>* rows(const Block& block) const { return &rows_[block.row_index]; }
  /// Input frames of every block: a processor foresees the end of loops that are equally long.
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
