// TorchScript files as models.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include "graph/model/layout.h"
#include "graph/model/model_file.h"
#include "graph/model/planned_network.h"
#include "graph/model/script_module.h"
#include "graph/model/shapes.h"
#include "graph/script/arguments.h"

namespace torchstreamer::graph {

/// A TorchScript module and the graph of one of its methods, ready for planning.
class ScriptModel : public ModelFile {
 public:
  /// Method, inputs and attributes of `call` are used, and those of the settings in the file. The
  /// inputs become constants of the graph. Throws Error with the path if the file cannot be read or
  /// is not TorchScript, OptionError for names and types that the model does not have, and Refusal
  /// if the method cannot be called with the signal alone. `trust`: see LoadOptions.
  ScriptModel(const std::string& path, at::Device device, const CallOptions& call = {},
              Trust trust = Trust::kProgram);
  /// The same for a module in memory that is already on `device`. It is not changed.
  ScriptModel(const torch::jit::Module& module, at::Device device, const CallOptions& call = {});
  ScriptModel(const torch::jit::Module& module, at::Device device, const CallOptions& call,
              const Settings& settings);

  using ModelFile::plan;
  LayerPtr plan(LoadOptions& options, Proof proof) const override;
  std::shared_ptr<const ModelFile> at_rate(int64_t rate_hz) const override;
  std::vector<int64_t> likely_rates_hz() const override;
  std::shared_ptr<const ModelFile> with_inputs(const NamedValues& inputs) const override;
  const Settings& settings() const override { return settings_; }
  /// Settings of the file, otherwise the integer attributes `channel_mask` and `sample_rate` of the
  /// module, otherwise 0.
  uint64_t channel_mask() const override;
  int64_t sample_rate_hz() const override;
  int64_t weights_bytes() const override { return bytes_of_tensors(module_); }
  at::ScalarType dtype() const override { return dtype_; }
  at::Device device() const override { return device_; }
  std::vector<std::string> remarks() const override { return remarks_; }

  /// The model itself, called with these options: the network of plan() must equal it. Throws
  /// OptionError if the sample rate is needed.
  OfflineRule offline_rule(const ForwardCall& call) const;

  /// Returns a copy of the model that computes in float32 or float64, even if its method names the
  /// other type.
  ScriptModel in_type(at::ScalarType dtype) const;

  /// The module on its device. Weights of half precision are converted to float32.
  const torch::jit::Module& module() const { return module_; }
  /// Returns the graph of a method of module() with all calls inlined, and with the hooks of
  /// forward(). It computes on the device and in the types of the module.
  std::shared_ptr<torch::jit::Graph> graph_of(const std::string& method) const;

  /// Number of parameters.
  int64_t parameters() const;

 private:
  ScriptModel(const std::string& path, at::Device device, const CallOptions& call, Trust trust,
              const Settings& settings);
  Attempt attempt(int64_t channels, Layout layout, const LoadOptions& options, Proof proof) const;
  void widen_half_types();
  void require_real_type() const;
  // Returns true if the graph has rate arguments without a value.
  bool takes_rate() const { return arguments_.size() > 1; }
  void bind(const NamedValues& inputs);
  ScriptModel bound_to_rate(int64_t rate_hz) const;
  /// The model in float64; null if it is large. Must not outlive the model.
  OfflineRule exact_rule(const ForwardCall& call) const;

  torch::jit::Module module_;
  std::string method_;
  std::shared_ptr<torch::jit::Graph> graph_;
  std::vector<Argument> arguments_;  // of the graph: the signal, and rates
  at::Device device_;
  at::ScalarType dtype_ = at::kFloat;
  Settings settings_;
  std::vector<at::ScalarType> widened_types_;
  std::vector<std::string> remarks_;
};

}  // namespace torchstreamer::graph
