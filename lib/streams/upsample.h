// Upsampling and downsampling by interpolation.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// Arguments of torch.nn.functional.interpolate over time with align_corners=False.
struct UpsampleOptions {
  enum class Mode { kNearest, kNearestExact, kLinear } mode = Mode::kNearest;
  Rational factor = 1;  ///< output frames for an input frame; may be below 1
  double scale = 0;     ///< argument scale_factor of torch; 0 if torch is given a size instead
};

/// The simplest ratio that is equal to `scale` within its rounding; 0 if there is no simple one.
Rational simple_ratio(double scale);

/// aten::upsample_nearest1d, aten::_upsample_nearest_exact1d and aten::upsample_linear1d.
///
/// torch rounds the position of an output frame among the input frames in a way that depends on
/// type, version and processor. Its rounding is found by comparison with torch. It is reproduced up
/// to the output frame from which the type cannot represent a position and a half (2^23 in float32,
/// 2^52 in float64). Later positions are computed exactly and do not drift. Throws Error if no
/// known rounding gives the same result as torch.
LayerPtr upsample1d_layer(const UpsampleOptions& options, const Format& format);

}  // namespace torchstreamer
