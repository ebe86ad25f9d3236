// A model from its file.
#pragma once

#include <memory>
#include <string>

#include "loader/settings.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

struct LoadedModel {
  ModelSettings settings;       ///< what it was made of
  std::string sha256;           ///< of its file
  std::shared_ptr<void> lease;  ///< keeps the file in the cache
  std::shared_ptr<const Model> model;
  std::unique_ptr<Engine> engine;  ///< for `channels` of input, ready before it is needed; or null
  int channels = 0;
  int64_t warm_up_frames = 0;  ///< see Handover
};

/// The model of `settings` in `file`, one for all in the process who have the same. Throws
/// ElementError, Error.
LoadedModel load_model(const ModelSettings& settings, const ModelFile& file);

/// Makes a stream for the audio that is expected ready, so that the streaming thread need not.
/// `channels`: of a model that takes any number; 0 where that is not known. Throws Error.
void prepare_engine(LoadedModel* loaded, int channels);

}  // namespace torchstreamer
