// Signals that torchaudio has resampled.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <vector>

#include "audio/resampler.h"

namespace torchstreamer::audio {

/// A signal and the output of torchaudio, in float32 or float64.
struct TorchaudioCase {
  int source_hz = 0, target_hz = 0;
  ResampleOptions options;
  bool is_double = false;
  std::vector<float> x_f32, y_f32;
  std::vector<double> x_f64, y_f64;
};

/// Calls `use` for each case in the file of tests/data/make_resample.py, which describes the
/// layout. Returns the number of cases.
inline int for_each_torchaudio_case(const std::function<void(const TorchaudioCase&)>& use) {
  const char* path = std::getenv("TORCHSTREAMER_RESAMPLE_DATA");
  if (!path) throw std::runtime_error("TORCHSTREAMER_RESAMPLE_DATA is not set to a file");
  std::ifstream file;
  file.exceptions(std::ios::failbit | std::ios::badbit);
  file.open(path, std::ios::binary);
  auto read = [&](auto& values, size_t count) {
    values.resize(count);
    file.read(reinterpret_cast<char*>(values.data()), count * sizeof(values[0]));
  };
  std::vector<int32_t> cases, header;
  std::vector<double> numbers;
  read(cases, 1);
  for (int i = 0; i < cases[0]; ++i) {
    read(header, 7);
    read(numbers, 2);
    TorchaudioCase c;
    c.source_hz = header[0];
    c.target_hz = header[1];
    c.options = {header[2] ? "sinc_interp_kaiser" : "sinc_interp_hann", header[3], numbers[0],
                 numbers[1]};
    c.is_double = header[4] != 0;
    if (c.is_double) {
      read(c.x_f64, header[5]);
      read(c.y_f64, header[6]);
    } else {
      read(c.x_f32, header[5]);
      read(c.y_f32, header[6]);
    }
    use(c);
  }
  return cases[0];
}

}  // namespace torchstreamer::audio
