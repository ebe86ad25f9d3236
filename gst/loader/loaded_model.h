// Loading a model from its file.
#pragma once

#include <memory>
#include <string>

#include "loader/settings.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

/// Input of an engine. 0: unknown.
struct EngineInput {
  int channels = 0;
  int64_t rate_hz = 0;

  bool is_known() const { return channels > 0 && rate_hz > 0; }
  friend bool operator==(EngineInput a, EngineInput b) {
    return a.channels == b.channels && a.rate_hz == b.rate_hz;
  }
};

/// A model that is ready to run.
struct LoadedModel {
  ModelSettings settings;
  std::string sha256;           ///< digest of its file
  std::shared_ptr<void> lease;  ///< keeps the file in the cache
  std::shared_ptr<const Model> model;
  std::shared_ptr<Group> group;    ///< of the engines of this model in the process; may be null
  std::unique_ptr<Engine> engine;  ///< prepared for the first `input`; may be null
  EngineInput input;
  std::string cache_warning;   ///< see ModelFile::warning
  NamedValues new_inputs;      ///< inputs that changed since the model was loaded
  int64_t warm_up_frames = 0;  ///< see Handover
};

/// Loads the model in `file`, which fetch_model() returned for `settings`. Callers with equal
/// settings share one model in the process. Throws ElementError or Error.
LoadedModel load_model(const ModelSettings& settings, const ModelFile& file);

/// Creates an engine for the expected audio in advance, so that the streaming thread does not have
/// to. `input`: that audio, for a model that takes any; creates no engine if it is unknown. Throws
/// Error.
void prepare_engine(LoadedModel* loaded, EngineInput input);

/// Returns a new engine of `model`. `group`, `new_inputs`: see LoadedModel. Throws Error, or
/// Cancelled if the process exits.
std::unique_ptr<Engine> start_engine(const Model& model, EngineInput input,
                                     const std::shared_ptr<Group>& group,
                                     const NamedValues& new_inputs);

}  // namespace torchstreamer
