// Model files of all kinds.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "network/layer.h"
#include "settings/settings.h"
#include "torchstreamer/load.h"

namespace torchstreamer::graph {

/// Proof that a plan equals the model.
enum class Proof {
  kCompared,  ///< compared with the model on random signals
  kNone       ///< none, for plans that only answer what the model accepts
};

/// A model that was read from a file. Immutable, thread-safe.
class ModelFile {
 public:
  virtual ~ModelFile() = default;

  /// Plans the network over `[C, T]`. `options.channels` 0 and `options.layout` kAuto become those
  /// that were found. Throws Refusal, OptionError.
  virtual LayerPtr plan(LoadOptions& options, Proof proof) const = 0;
  LayerPtr plan(LoadOptions& options) const { return plan(options, Proof::kCompared); }

  /// The settings in the file. with_settings() merges them into the options.
  virtual const Settings& settings() const = 0;
  /// Returns the model for signals of this sample rate, which becomes the value of its rate
  /// arguments; 0: sample_rate_hz(), otherwise their defaults. Throws OptionError if none of them
  /// is known.
  virtual std::shared_ptr<const ModelFile> at_rate(int64_t rate_hz) const = 0;
  /// Sample rates in Hz for which the model is likely to work, in the order in which they should be
  /// tried; 0: see at_rate(). Empty if the rate has no effect.
  virtual std::vector<int64_t> likely_rates_hz() const = 0;
  /// Returns the model with other values of CallOptions::inputs. It shares the weights.
  virtual std::shared_ptr<const ModelFile> with_inputs(const NamedValues& inputs) const = 0;

  /// GStreamer's mask of the output's channel positions, if the file contains one; otherwise 0.
  virtual uint64_t channel_mask() const = 0;
  /// Sample rate in Hz that the input must have, if the file contains one; otherwise 0.
  virtual int64_t sample_rate_hz() const = 0;
  /// Size of the weights in memory.
  virtual int64_t weights_bytes() const = 0;
  virtual at::ScalarType dtype() const = 0;
  virtual at::Device device() const = 0;
  /// See Model::remarks().
  virtual std::vector<std::string> remarks() const { return {}; }
};

/// Throws Error if the file contains a different sample rate. `rate_hz`: 0: unknown.
void require_rate(const ModelFile& file, int64_t rate_hz);

/// Numbers of channels of a model that takes one channel.
struct AnyChannels {
  bool are_taken = false;  ///< any number
  /// Output channels that each input channel adds, if that number is constant.
  std::optional<int64_t> added_channels_out;
};

/// A model that takes one, two and three channels takes any number. `of_one`: output channels for
/// one input channel. `channels_out`: for a different number; none if the model does not take it.
AnyChannels any_channels(
    int64_t of_one, const std::function<std::optional<int64_t>(int64_t channels)>& channels_out);

/// Reads a program of any format onto the device, as a TorchScript module for these calls. Throws
/// Error with the kind of the file and advice what to use instead; see also LoadOptions::trust.
torch::jit::Module read_module(const std::string& path, at::Device device,
                               const CallOptions& call = {}, Trust trust = Trust::kProgram);

}  // namespace torchstreamer::graph
