// A stream of the resampler.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "audio/interpolator.h"
#include "audio/kernels.h"
#include "audio/resample_filter.h"
#include "audio/sample_format.h"
#include "frames/history.h"

namespace torchstreamer::audio {

/// One running stream. The output is bit-identical for all splits of the input into pushes, all
/// numbers of channels and all processors. Not thread-safe. T: type of the computation, float or
/// double.
template <class T>
class Resampler {
 public:
  /// `format`: format of input and output samples; T by default. All memory is allocated here.
  Resampler(std::shared_ptr<const ResampleFilter<T>> filter, int64_t channels,
            const SampleFormat& format = native_format<T>());

  /// Number of output frames that the next push of `frames` frames writes.
  int64_t frames_due(int64_t frames, bool final) const;

  /// Reads `in`, [frames, channels], and writes the new output frames to `out`,
  /// [frames_due(frames, final), channels]; both may be unaligned. `final` marks the end of the
  /// signal: the remaining output is written and the stream is reset.
  void push(const void* in, int64_t frames, bool final, void* out);

  /// Drops the current signal.
  void reset();

  /// Memory of the input frames that later outputs need, in bytes.
  int64_t held_bytes() const { return history_.frames() * channels_ * sizeof(T); }

 private:
  using Block = typename ResampleFilter<T>::Block;
  using Place = typename ResampleFilter<T>::Place;
  /// Output frames [begin, end) to compute now, and their memory `[end - begin, channels]`.
  struct Run {
    int64_t begin, end;
    T* out;
  };

  /// Output frames [begin, end) of a block.
  struct Lanes {
    int64_t begin, end;
  };

  uint8_t* emit(int64_t end, uint8_t* out);
  void compute_blocks(const Run& run);
  void compute_block(const Place& place, Lanes lanes, BlockRepeats<T>& blocks);
  void compute_whole(const Run& run, const Place& place, int64_t repeats);
  void compute_apart(const Run& run, const Place& place, int64_t repeats);
  void compute_exactly(const Place& place, Lanes lanes, BlockRepeats<T> blocks) const;
  BlockRepeats<T> blocks_at(const Run& run, const Place& place, int64_t repeats) const;
  void interpolate(const Run& run);

  std::shared_ptr<const ResampleFilter<T>> filter_;
  Kernels<T> kernels_;
  int64_t channels_;
  SampleFormat format_;
  History<T> history_;
  int64_t history_start_ = 0;  // index of the first input frame in history_
  int64_t frames_in_ = 0;
  int64_t frames_out_ = 0;
  Place next_ = {};           // the block that contains output frame frames_out_
  std::vector<T> converted_;  // output of a piece before its conversion to the format
  std::vector<T> apart_;      // a block of which only some outputs are written
  std::optional<Interpolator<T>> interpolator_;  // if there is no table of blocks
};

}  // namespace torchstreamer::audio
