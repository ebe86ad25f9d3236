// Operators over inner graphs.
#pragma once

#include "exported/graph/call.h"

namespace torchstreamer::exported {

/// Adds a higher-order operator: contexts that do not change what their graph computes, and cond.
/// Throws Refusal for all others.
Values add_higher_order(const Call& call);

}  // namespace torchstreamer::exported
