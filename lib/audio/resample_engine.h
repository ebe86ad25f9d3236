// The resampler as an element runs it: any raw sample format, interleaved or planar.
#pragma once

#include <cstdint>
#include <memory>

#include "audio/resampler.h"
#include "audio/sample_format.h"
#include "torchstreamer/engine.h"

namespace torchstreamer::audio {

/// Resamples frames of `channels` samples of `format`, in one plane or one plane a channel.
/// Computes in float, or in double where the format needs it. Equal rates copy the bytes. Throws
/// Error for rates, options, channels or a format that are not allowed.
std::unique_ptr<Engine> make_resample_engine(int64_t source_hz, int64_t target_hz,
                                             const ResampleOptions& options,
                                             const SampleFormat& format, int channels,
                                             bool interleaved);

}  // namespace torchstreamer::audio
