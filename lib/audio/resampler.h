// A stream through a filter that changes the sample rate.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "audio/kernels.h"
#include "audio/resample_filter.h"
#include "audio/sample_format.h"
#include "frames/history.h"

namespace torchstreamer::audio {

/// One running stream. Its output has the same bits for every chunking, every number of channels
/// and every processor. Not thread-safe. T: float or double, the type to compute in.
template <class T>
class Resampler {
 public:
  /// `format`: of the samples in memory, in and out; values of T if not given. All memory is
  /// allocated here.
  Resampler(std::shared_ptr<const ResampleFilter<T>> filter, int64_t channels,
            const SampleFormat& format = native_format<T>());

  /// Output frames that the next push of `frames` frames writes.
  int64_t frames_due(int64_t frames, bool final) const;

  /// Reads `in`, [frames, channels], and writes the frames_due() frames that became certain to
  /// `out`, [frames_due, channels]; both at any address. With `final` all that is owed comes out
  /// and the stream is fresh again.
  void push(const void* in, int64_t frames, bool final, void* out);

  /// Forgets the signal.
  void reset();

  /// The memory of the input frames that later outputs need.
  int64_t held_bytes() const { return history_.frames() * channels_ * sizeof(T); }

 private:
  using Block = typename ResampleFilter<T>::Block;
  using Place = typename ResampleFilter<T>::Place;
  /// Output frames [begin, end) that are computed now, and where they go: [end - begin, channels].
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
  void compute_whole(const Run& run, const Place& place, int64_t repeats);
  void compute_apart(const Run& run, const Place& place, int64_t repeats);
  void compute_exactly(const Place& place, Lanes lanes, BlockRepeats<T> blocks) const;
  BlockRepeats<T> blocks_at(const Run& run, const Place& place, int64_t repeats) const;
  void compute_frames(const Run& run);

  std::shared_ptr<const ResampleFilter<T>> filter_;
  Kernels<T> kernels_;
  int64_t channels_;
  SampleFormat format_;
  History<T> history_;
  int64_t history_start_ = 0;  // input frame that history_ begins with
  int64_t frames_in_ = 0;
  int64_t frames_out_ = 0;
  Place next_ = {};              // the block that output frame frames_out_ is in
  std::vector<T> coefficients_;  // of one output frame
  std::vector<T> converted_;     // output of a piece, before it is converted
  std::vector<T> apart_;         // a block of which only some outputs are written
};

}  // namespace torchstreamer::audio
