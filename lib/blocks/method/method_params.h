// Methods that describe themselves by a buffer, as nn~ and RAVE save them.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <optional>
#include <string>

namespace torchstreamer::blocks {

/// The buffer `<method>_params` of a module: [channels_in, ratio_in, channels_out, ratio_out]. A
/// ratio is the number of frames of the audio for one frame of the method's signal.
struct MethodParams {
  int64_t channels_in, ratio_in, channels_out, ratio_out;
  /// Smallest number of input frames of a call: the largest ratio of all methods in frames of the
  /// audio, or a multiple of it.
  int64_t window_frames;
};

/// Returns the difference between the description and calls with `window_frames` as a sentence;
/// empty if there is none. `frames_out`, `channels_out`: size of the output of a call.
std::string difference(const MethodParams& params, const std::string& method, int64_t window_frames,
                       int64_t frames_out, int64_t channels_out);

/// Returns the description of a method; none if the module has none, or an invalid one.
std::optional<MethodParams> method_params(const torch::jit::Module& module,
                                          const std::string& method);

}  // namespace torchstreamer::blocks
