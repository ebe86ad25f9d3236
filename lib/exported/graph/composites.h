// Operators that run_decompositions() has replaced by several core ATen operators.
#pragma once

#include <optional>

#include "exported/graph/call.h"

namespace torchstreamer::exported {

/// Adds the operator that `call`, the last of these operators, computes with those before it:
/// - torch.stack(): a view of torch.cat();
/// - the overlapping sum of frames in torch.istft(): index_put() with the indices of the frames.
///   It becomes a transposed convolution with an identity matrix.
///
/// Returns none for other operators.
std::optional<Values> add_composite(const Call& call);

}  // namespace torchstreamer::exported
