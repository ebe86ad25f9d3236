// The compared resamplers as functions of one type.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "measure.h"

namespace torchstreamer::bench {

/// Interleaved float32 frames, in chunks of 10 ms.
struct Conversion {
  int source_hz;
  int target_hz;
  int channels;

  int64_t chunk_frames() const { return source_hz / 100; }
  /// Upper bound of the output of a chunk, frames of earlier chunks included.
  int64_t most_frames_out() const { return target_hz; }
};

/// Converts the next chunk of noise; returns the number of output frames.
using Push = std::function<int64_t()>;

/// The engine of tsresample without the element.
Push engine(const Conversion& conversion, int lowpass_filter_width);
/// An element of GStreamer in a harness: includes the allocation and the push of buffers.
Push element(const Conversion& conversion, const std::string& factory,
             const std::map<std::string, std::string>& properties);
/// soxr in its default quality, HQ.
Push soxr(const Conversion& conversion);
/// libsamplerate with a converter of samplerate.h, such as SRC_SINC_FASTEST.
Push libsamplerate(const Conversion& conversion, int converter);

/// ns per output sample (frames x channels).
Measure ns_per_sample(const Conversion& conversion, Push push, double seconds);

/// The same for torchaudio's algorithm in libtorch, on the whole signal: a convolution with the
/// dense kernel, whose stride is `source_hz` divided by the greatest common divisor of both rates.
Measure torchaudio(const Conversion& conversion, int lowpass_filter_width, double seconds);

}  // namespace torchstreamer::bench
