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
  std::string sha256;           ///< digest of its file
  std::shared_ptr<void> lease;  ///< keeps the file in the cache
  std::shared_ptr<const Model> model;
  std::unique_ptr<Engine> engine;  ///< prepared for the first input with `channels`; may be null
  int channels = 0;                ///< number of input channels of the engine
  int64_t warm_up_frames = 0;      ///< see Handover
};

/// Loads the model in `file`, which fetch_model() returned for `settings`. Callers with equal
/// settings share one model in the process. Throws ElementError or Error.
LoadedModel load_model(const ModelSettings& settings, const ModelFile& file);

/// Creates an engine for the expected audio in advance, so that the streaming thread does not have
/// to. `channels`: number of input channels if the model takes any number; 0: unknown, creates no
/// engine. Throws Error.
void prepare_engine(LoadedModel* loaded, int channels);

}  // namespace torchstreamer
