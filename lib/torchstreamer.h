/// @file
/// torchstreamer: runs PyTorch audio models as exact streams with minimal delay, or block by block.
///
/// Includes all public headers. torchstreamer/stream.h states the conventions. To embed a model,
/// torchstreamer/load.h is enough: it needs no header of libtorch.
#pragma once

#include "torchstreamer/call.h"
#include "torchstreamer/engine.h"
#include "torchstreamer/error.h"
#include "torchstreamer/exported_program.h"
#include "torchstreamer/group.h"
#include "torchstreamer/load.h"
#include "torchstreamer/modules.h"
#include "torchstreamer/registry.h"
#include "torchstreamer/resample.h"
#include "torchstreamer/stream.h"
#include "torchstreamer/timing.h"
#include "torchstreamer/version.h"
