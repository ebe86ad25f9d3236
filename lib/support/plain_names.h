// Names of the classes of TorchScript as the model's author wrote them.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns the text with "Net" for each name like "__torch__.package.___torch_mangle_3.Net".
std::string with_plain_names(std::string text);

}  // namespace torchstreamer
