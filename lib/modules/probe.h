// Trying a module that does not say what it takes.
#pragma once

#include <torch/nn/module.h>

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// The first format, of those that the sizes of the module's weights make likely, for which `works`
/// does not throw. Throws the last error as Error where there is none.
Format probed_format(const torch::nn::Module& module,
                     const std::function<void(const Format&)>& works);

/// `[1, C, frames]` of the format, not constant, the same at every call. The process-wide random
/// generator stays as it is.
Tensor probe_signal(const Format& format, int64_t frames);

/// Undoes what running a module does to it and to the process: its buffers (running statistics) and
/// the process-wide random generator are at the end what they were at the beginning.
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

/// Full precision for what is compared: while one of these lives, CUDA computes without TF32, whose
/// products keep three digits. For the whole process: libtorch knows no smaller scope.
class FullPrecision {
 public:
  explicit FullPrecision(at::Device device);
  ~FullPrecision();
  FullPrecision(const FullPrecision&) = delete;
  FullPrecision& operator=(const FullPrecision&) = delete;

 private:
  bool counts_;
};

/// Channel counts that the sizes of the weights make likely, the few usual ones behind them.
std::vector<int64_t> likely_channels(const Tensors& weights);

}  // namespace torchstreamer
