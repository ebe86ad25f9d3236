// The part of a stream that computes output frames with interpolated coefficients.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "audio/interpolated_filter.h"
#include "audio/kernels.h"

namespace torchstreamer::audio {

/// Computes output frames of one stream. Has no state but its memory. T: float or double.
template <class T>
class Interpolator {
 public:
  /// `most_frames`: maximum number of input frames of a call. All memory is allocated here.
  Interpolator(int64_t cells, int64_t channels, int64_t most_frames);

  /// Writes output frames [begin, end) to `out`, [end - begin, channels]. `in`, [frames, channels],
  /// are the input frames that these outputs depend on.
  void compute(const InterpolatedFilter<T>& filter, const T* in, int64_t begin, int64_t end,
               T* out);

 private:
  void split_channels(const T* in, int64_t frames);
  void compute_cell(const InterpolatedFilter<T>& filter, int64_t cell, T* out);

  Kernels<T> kernels_;
  int64_t channels_;
  int64_t plane_samples_;
  std::vector<T> planes_;                     // [channels, plane_samples_]
  std::vector<InterpolatedFrame<T>> frames_;  // the outputs that are computed together
  std::vector<int32_t> next_;                 // for each of them, the next one in the same cell
  std::vector<int32_t> newest_;               // for each cell, its newest output, or kNone
  std::vector<const InterpolatedFrame<T>*> of_cell_;  // the outputs of a cell
};

}  // namespace torchstreamer::audio
