#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// What torch.nn.functional.interpolate is asked for, over time and with align_corners=False.
struct UpsampleOptions {
  enum class Mode { kNearest, kNearestExact, kLinear } mode = Mode::kNearest;
  Rational factor = 1;  ///< output frames for an input frame; may be below 1
  double scale = 0;     ///< the factor as torch is given it; 0 where it is given a size instead
};

/// The simplest ratio that `scale` is within its own rounding; 0 where there is no simple one.
Rational simple_ratio(double scale);

/// aten::upsample_nearest1d, aten::_upsample_nearest_exact1d and aten::upsample_linear1d.
///
/// torch rounds where an output frame lies among the input frames, in a way that depends on type,
/// version and processor. Its rounding, found by comparison with torch, is reproduced up
/// to the output frame from which on the type cannot hold a position and a half (2^23 in float32,
/// 2^52 in float64). The positions beyond are the exact ratio, which does not drift. Throws Error
/// if no known rounding gives the same result as torch.
LayerPtr upsample1d_layer(const UpsampleOptions& options, const Format& format);

}  // namespace torchstreamer
