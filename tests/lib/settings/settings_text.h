// Settings with all keys.
#pragma once

namespace torchstreamer::testing {

inline constexpr char kAllSettings[] = R"({
  "sample_rate": 16000,
  "layout": "tc",
  "window": 512,
  "hop": 160,
  "tail": "short",
  "method": "detect",
  "inputs": {
    "bands": 40,
    "threshold": 0.5,
    "mode": "fast",
    "is_quiet": true,
    "weights": [1, 0.5],
    "gain": {"default": -3, "min": -60, "max": 20.5, "description": "Gain in dB"}
  },
  "attributes": {"depth": {"min": 1}, "size": 3},
  "output": "speech",
  "output_names": ["music", "speech"],
  "channel_mask": 3,
  "name": "Detector",
  "license": "MIT",
  "description": "Finds speech"
})";

}  // namespace torchstreamer::testing
