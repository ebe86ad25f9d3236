// Everything that converts sample rates here, behind one function.
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
  /// Room for the output of a chunk, whatever was held back before.
  int64_t most_frames_out() const { return target_hz; }
};

/// Converts one more chunk of noise; the frames that came out.
using Push = std::function<int64_t()>;

/// The engine of tsresample without the element.
Push engine(const Conversion& conversion, int lowpass_filter_width);
/// An element of GStreamer, made and linked as in a test: buffers are allocated and pushed.
Push element(const Conversion& conversion, const std::string& factory,
             const std::map<std::string, std::string>& properties);
/// soxr in its default quality, HQ.
Push soxr(const Conversion& conversion);
/// `converter`: SRC_SINC_FASTEST, ... of samplerate.h.
Push libsamplerate(const Conversion& conversion, int converter);

/// The ns for each sample that comes out (frames x channels).
Measure ns_per_sample(const Conversion& conversion, Push push, double seconds);

/// The same for torchaudio's way in libtorch, on the whole signal: a convolution with the dense
/// kernel, `source_hz` reduced frames at a time.
Measure torchaudio(const Conversion& conversion, int lowpass_filter_width, double seconds);

}  // namespace torchstreamer::bench
