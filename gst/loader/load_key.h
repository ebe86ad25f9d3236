// Comparison of load options.
#pragma once

#include <tuple>

#include "torchstreamer/load.h"

namespace torchstreamer {

/// Returns all fields of `options`. Equal keys and the same file give the same model.
inline auto load_key(const LoadOptions& options) {
  const auto& [padding, channels, each_channel, output, output_names, complex_output, layout,
               max_memory_frames, execution, device, trust, call] = options;
  const auto& [method, inputs, attributes, window_frames, hop_frames, tail] = call;
  return std::make_tuple(padding, channels, each_channel, output, output_names, complex_output,
                         layout, max_memory_frames, execution, device, trust, method, inputs,
                         attributes, window_frames, hop_frames, tail);
}
using LoadKey = decltype(load_key(LoadOptions()));

}  // namespace torchstreamer
