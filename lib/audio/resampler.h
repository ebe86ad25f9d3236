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
#include <memory>
#include <string>
#include <vector>

#include "frames/history.h"
#include "timing.h"

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
  /// Outputs that are computed together.
  static constexpr int kLanes = 16;
  struct alignas(64) Row {
    T lane[kLanes];
  };
  /// Where an output frame stands in its block: up to kLanes consecutive output frames of a period
  /// and the run of input frames that any of them uses. Row r holds the coefficients of input frame
  /// `first + r` for each of them, zero where an output does not use it.
  struct Place {
    int64_t first;   ///< first input frame of the block
    int64_t rows;    ///< input frames of the block
    int64_t lane;    ///< of the output frame
    int64_t frames;  ///< output frames from this one to the end of the block
    const Row* coefficients;
  };

  /// Throws Error for rates or options that are not allowed.
  ResampleFilter(int64_t source_hz, int64_t target_hz, const ResampleOptions& options);

  Timing timing() const;
  const ResampleClock& clock() const { return clock_; }
  /// Equal rates: the output is the input.
  bool passes_through() const { return orig_ == new_; }

  /// Writes the coefficients of output `phase` < new for its input frames, first to last.
  void coefficients(int32_t phase, T* out) const;

  /// False where a table of blocks would be too large: then place() tells no more than `first`,
  /// and coefficients() is called for each output frame.
  bool has_blocks() const { return !blocks_.empty(); }
  Place place(int64_t output) const;

 private:
  struct Block {
    int64_t first;  // input frame
    int64_t rows;
    int64_t row_index;
  };

  T position(int32_t phase, int32_t tap) const;
  void lay_out_blocks();
  void fill_rows();

  int64_t orig_, new_;
  ResampleClock clock_;
  bool is_kaiser_;
  T width_, base_, scale_, beta_, i0_beta_;
  std::vector<double> i0_series_;
  int64_t period_outputs_ = 0;
  std::vector<Block> blocks_;
  std::vector<Row> rows_;
};

/// One running stream. Its output has the same bits for every chunking, every number of channels
/// and every processor. Not thread-safe. T: float or double.
template <class T>
class Resampler {
 public:
  Resampler(std::shared_ptr<const ResampleFilter<T>> filter, int64_t channels);

  /// Output frames that the next push of `frames` frames writes.
  int64_t frames_due(int64_t frames, bool final) const;

  /// Reads `in`, [frames, channels], and writes the frames_due() frames that became certain to
  /// `out`, [frames_due, channels]. With `final` all that is owed comes out and the stream is fresh
  /// again. Allocates nothing once it has seen its largest chunk and a final one.
  void push(const T* in, int64_t frames, bool final, T* out);

  /// Forgets the signal.
  void reset();

  /// The memory of the input frames that later outputs need.
  int64_t held_bytes() const { return history_.frames() * channels_ * sizeof(T); }

 private:
  T* emit(int64_t frames_out, T* out);
  int64_t emit_block(int64_t most_frames, T* out);
  int64_t emit_frames(int64_t frames, T* out);

  std::shared_ptr<const ResampleFilter<T>> filter_;
  int64_t channels_;
  History<T> history_;
  int64_t history_start_ = 0;  // input frame that history_ begins with
  int64_t frames_in_ = 0;
  int64_t frames_out_ = 0;
  std::vector<T> coefficients_;  // of one output frame
};

}  // namespace torchstreamer::audio
