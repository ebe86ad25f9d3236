// TorchScript files as streams.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include "graph/model/planned_network.h"
#include "network/layer.h"
#include "torchstreamer/load.h"

namespace torchstreamer::graph {

/// The device of this name. Throws OptionError where nothing can run on it.
at::Device usable_device(const std::string& name);

/// A model that was read: the module, and the graph of its forward() made ready for planning.
class ScriptModel {
 public:
  /// Throws Error with the path where the file cannot be read or is not TorchScript.
  ScriptModel(const std::string& path, at::Device device);
  /// The same for a module in memory, on `device` already.
  ScriptModel(const torch::jit::Module& module, at::Device device);

  /// The network over `[C, T]`. `options.channels` 0 becomes the number that was found to do.
  /// Throws Refusal.
  LayerPtr plan(LoadOptions& options) const;

  /// The model itself, for signals of this rank: what the network of plan() must equal. `output`:
  /// see LoadOptions.
  OfflineRule offline_rule(int rank, int output) const;

  /// A copy of the model that computes in float32 or float64.
  ScriptModel in_type(at::ScalarType dtype) const;

  /// The integer that the module has as its attribute `channel_mask`; 0: none.
  uint64_t channel_mask() const;
  int64_t parameters() const;
  /// The memory of parameters and buffers.
  int64_t weights_bytes() const;
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }

 private:
  // A shape of the signal that forward() may take, and how far a plan for it came.
  struct Attempt {
    LayerPtr network;
    std::exception_ptr error;
    size_t progress = 0;
    int64_t wanted_channels = 0;
  };
  Attempt attempt(int64_t channels, int rank, const LoadOptions& options) const;

  torch::jit::Module module_;
  std::shared_ptr<torch::jit::Graph> graph_;
  at::Device device_;
  at::ScalarType dtype_ = at::kFloat;
};

}  // namespace torchstreamer::graph
