// Verification of a model's stream: comparison with the model, and delay.
#pragma once

#include "graph/model/script_model.h"
#include "tools/certificate.h"

namespace torchstreamer::tools {

/// Runs compare() and measure_delay() in float32 and float64. `options`: those with which the
/// network of `model` is planned, with the number of channels.
Certificate verify(const graph::ScriptModel& model, LoadOptions options, uint32_t seed);

}  // namespace torchstreamer::tools
