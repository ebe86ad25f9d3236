// Trials of modules whose input format is not declared.
#pragma once

#include <torch/nn/module.h>

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// The first likely format for which `works` does not throw. The sizes of the module's weights are
/// likely channel counts. Throws the last error as Error if there is none.
Format probed_format(const torch::nn::Module& module,
                     const std::function<void(const Format&)>& works);

/// Noise `[1, C, frames]` in the format, the same in every call.
Tensor probe_signal(const Format& format, int64_t frames);

/// Restores the buffers of a module (running statistics) and the process-wide random generator when
/// it is destroyed, so that running the module leaves no trace.
class NoTrace {
 public:
  explicit NoTrace(const torch::nn::Module& module);
  ~NoTrace();
  NoTrace(const NoTrace&) = delete;
  NoTrace& operator=(const NoTrace&) = delete;

 private:
  Tensors buffers_, values_;
  Tensor generator_state_;
};

/// Disables TF32, whose products have three digits, while an instance exists, so that results of
/// CUDA can be compared. Affects the whole process: libtorch has no smaller scope.
class FullPrecision {
 public:
  explicit FullPrecision(at::Device device);
  ~FullPrecision();
  FullPrecision(const FullPrecision&) = delete;
  FullPrecision& operator=(const FullPrecision&) = delete;

 private:
  bool counts_;
};

/// Likely channel counts: the sizes of the weights, then a few usual ones.
std::vector<int64_t> likely_channels(const Tensors& weights);

}  // namespace torchstreamer
