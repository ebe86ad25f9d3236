// torchstreamer-inspect --embed: writes settings into model files.
#pragma once

#include <ostream>
#include <string>

namespace torchstreamer::tools {

/// Writes a copy of the model file at `model` that contains the settings at `settings`, to the path
/// `copy` or, if that is a folder, into it. The program of the model is not run. A file at this
/// path is replaced when the copy is complete. `warnings` receives a line for each key that is not
/// known. Throws Error if the settings are not valid, if the file is not a model, or if the copy
/// would replace it; std::system_error if the copy cannot be written.
void embed_settings(const std::string& settings, const std::string& model, const std::string& copy,
                    std::ostream& warnings);

}  // namespace torchstreamer::tools
