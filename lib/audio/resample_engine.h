// The resampler as an engine: any raw sample format, interleaved or planar.
#pragma once

#include <cstdint>
#include <memory>

#include "audio/resampler.h"
#include "audio/sample_format.h"
#include "torchstreamer/engine.h"

namespace torchstreamer::audio {

/// Creates an engine for frames of `channels` samples of `format`, in one plane if `interleaved`,
/// otherwise in one plane for each channel. Computes in float, or in double for formats that need
/// it. Copies the bytes if the rates are equal. Throws Error for invalid rates, options, channels
/// or formats.
std::unique_ptr<Engine> make_resample_engine(int64_t source_hz, int64_t target_hz,
                                             const ResampleOptions& options,
                                             const SampleFormat& format, int channels,
                                             bool interleaved);

}  // namespace torchstreamer::audio
