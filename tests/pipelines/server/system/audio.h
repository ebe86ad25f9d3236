// Audio of the tests, and the output that pipelines without the server make of it.
#pragma once

#include <cstdint>
#include <string>

namespace torchstreamer::test {

/// Tones and noise of this many frames; `format`: S16LE or F32LE.
std::string signal(const std::string& format, int frames, int channels = 1, unsigned seed = 1);

/// Output of a pipeline as gst-launch-1.0 runs it: a filesrc with `input`, `elements`, a filesink.
/// Throws std::runtime_error if it fails.
std::string play(const std::string& input, const std::string& elements);

/// Element that gives raw audio its caps.
std::string raw_parser(const std::string& format, int rate, int channels = 1);

/// The elements of a session for a model: `decoder` before them, `output` the caps after them.
std::string session_elements(const std::string& decoder, const std::string& model,
                             const std::string& output);

}  // namespace torchstreamer::test
