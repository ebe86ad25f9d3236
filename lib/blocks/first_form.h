// The form of the first calls of a model, before the audio is known.
#pragma once

#include <optional>

#include "blocks/method/method_params.h"
#include "blocks/trials.h"

namespace torchstreamer::blocks {

/// The form of calls, and the sample rate for which it was found.
struct FormAtRate {
  BlockForm form;
  int64_t rate_hz = 0;  ///< 0 if the method takes no rate, or if it has a default
};

/// Finds the form for the first likely sample rate that the method takes, and for the first number
/// of channels: that of the options or of the description, otherwise 1, 2 and the sizes of the
/// weights. `params`: description of the method. Throws WindowsRejected, OptionError.
FormAtRate first_form(const std::shared_ptr<const BlockMethod>& method, const Windows& windows,
                      const LoadOptions& options, const std::optional<MethodParams>& params);

}  // namespace torchstreamer::blocks
