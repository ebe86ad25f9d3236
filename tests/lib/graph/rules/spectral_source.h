// Helpers for the source of spectral models.
#pragma once

#include "lib/support/script_model.h"

namespace torchstreamer::testing {

inline std::string forward(const std::string& body) { return "def forward(self, x):\n" + body; }

inline std::string text(bool value) { return value ? "True" : "False"; }

inline at::ScalarType any_type(Random& random) { return random.flip() ? at::kFloat : at::kDouble; }

}  // namespace torchstreamer::testing
