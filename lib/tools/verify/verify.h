// Verification of the stream of a model: comparison with the model, and measurement of the delay.
#pragma once

#include "graph/model/script_model.h"
#include "tools/report/certificate.h"

namespace torchstreamer::tools {

/// Runs compare() and measure_delay() in float32 and float64. `options`: options for planning the
/// network of `model`, including the number of channels.
Certificate verify(const graph::ScriptModel& model, LoadOptions options, uint32_t seed);

}  // namespace torchstreamer::tools
