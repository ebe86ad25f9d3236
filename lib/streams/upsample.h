// Upsampling and downsampling by interpolation.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// Arguments of torch.nn.functional.interpolate over time with align_corners=False.
struct UpsampleOptions {
  enum class Mode { kNearest, kNearestExact, kLinear } mode = Mode::kNearest;
  Rational factor = 1;  ///< output frames per input frame; may be less than 1
  double scale = 0;     ///< argument scale_factor of torch; 0 if a size is given instead
};

/// Returns the simplest ratio that is equal to `scale` within its rounding; 0 if there is no simple
/// one.
Rational simple_ratio(double scale);

/// aten::upsample_nearest1d, aten::_upsample_nearest_exact1d and aten::upsample_linear1d.
///
/// torch rounds the position of an output frame among the input frames in a way that depends on
/// type, version and processor. A comparison with torch determines the rounding. It is reproduced
/// up to output frame 2^23 in float32 and 2^52 in float64, above which the type cannot represent
/// half frames. Later positions are computed exactly and do not drift. Throws Error if no known
/// rounding gives the same result as torch.
LayerPtr upsample1d_layer(const UpsampleOptions& options, const Format& format);

}  // namespace torchstreamer
