/// torchstreamer: exact, minimal-delay streams of offline PyTorch audio models.
///
/// Includes all public headers. torchstreamer/stream.h states the conventions.
#pragma once

#include "torchstreamer/engine.h"
#include "torchstreamer/error.h"
#include "torchstreamer/load.h"
#include "torchstreamer/modules.h"
#include "torchstreamer/registry.h"
#include "torchstreamer/resample.h"
#include "torchstreamer/stream.h"
#include "torchstreamer/timing.h"
#include "torchstreamer/version.h"
