// Trial runs of modules, which do not declare their input format.
#pragma once

#include <torch/nn/module.h>

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// Returns the first likely format for which `works` does not throw. The sizes of the module's
/// weights are likely channel counts. If there is none, throws the last error as Error.
Format probed_format(const torch::nn::Module& module,
                     const std::function<void(const Format&)>& works);

/// Returns noise `[1, C, frames]` in the format, the same in every call.
Tensor probe_signal(const Format& format, int64_t frames);

/// Restores the buffers of a module (running statistics) and the process-wide random generator on
/// destruction, so that a run of the module has no side effects.
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

/// Disables TF32, whose products have only three exact digits, while an instance exists, so that
/// results of CUDA can be compared. Affects the whole process, because libtorch has no setting for
/// a smaller scope.
class FullPrecision {
 public:
  explicit FullPrecision(at::Device device);
  ~FullPrecision();
  FullPrecision(const FullPrecision&) = delete;
  FullPrecision& operator=(const FullPrecision&) = delete;

 private:
  bool counts_;
};

/// Returns likely channel counts: the sizes of the weights, then a few common ones.
std::vector<int64_t> likely_channels(const Tensors& weights);

}  // namespace torchstreamer
