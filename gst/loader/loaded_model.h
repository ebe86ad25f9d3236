// Loading a model from its file.
#pragma once

#include <memory>
#include <string>

#include "loader/settings.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

/// A model that is ready to run.
struct LoadedModel {
  ModelSettings settings;
  std::string sha256;           ///< of its file
  std::shared_ptr<void> lease;  ///< keeps the file in the cache
  std::shared_ptr<const Model> model;
  std::unique_ptr<Engine> engine;  ///< prepared for the first input of `channels`; may be null
  int channels = 0;                ///< of the engine
  int64_t warm_up_frames = 0;      ///< see Handover
};

/// Returns the model in `file`, which fetch_model() returned for `settings`. Equal settings share
/// one model in the process. Throws ElementError or Error.
LoadedModel load_model(const ModelSettings& settings, const ModelFile& file);

/// Starts an engine for the expected audio, to spare the streaming thread this work. `channels` of
/// input are for a model that takes any number of them; 0: not known, so no engine. Throws Error.
void prepare_engine(LoadedModel* loaded, int channels);

}  // namespace torchstreamer
