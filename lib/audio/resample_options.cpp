#include "audio/resample_options.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>

#include "torchstreamer/error.h"

namespace torchstreamer::audio {
namespace {

constexpr int kMaxWidth = 1 << 16;
constexpr int64_t kMaxReducedRate = 1 << 20;
constexpr int64_t kMaxTaps = 1 << 20;

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  text.precision(17);
  (text << ... << parts);
  throw Error(text.str());
}

}  // namespace

bool operator==(const ResampleOptions& a, const ResampleOptions& b) {
  return a.resampling_method == b.resampling_method &&
         a.lowpass_filter_width == b.lowpass_filter_width && a.rolloff == b.rolloff &&
         a.beta == b.beta;
}

bool is_kaiser(const ResampleOptions& options) {
  return options.resampling_method == "sinc_interp_kaiser";
}

void check_conversion(int64_t source_hz, int64_t target_hz, const ResampleOptions& o) {
  if (source_hz <= 0 || target_hz <= 0)
    fail("resampling from ", source_hz, " Hz to ", target_hz, " Hz: both rates must be positive");
  const int64_t reduced = std::max(source_hz, target_hz) / std::gcd(source_hz, target_hz);
  if (reduced > kMaxReducedRate)
    fail("resampling from ", source_hz, " Hz to ", target_hz, " Hz: without their common divisor ",
         "rates must be at most ", kMaxReducedRate, "; use rates with a larger common divisor");
  if (!is_kaiser(o) && o.resampling_method != "sinc_interp_hann")
    fail("resampling method '", o.resampling_method,
         "' is neither 'sinc_interp_hann' nor 'sinc_interp_kaiser'");
  if (o.lowpass_filter_width < 1 || o.lowpass_filter_width > kMaxWidth)
    fail("lowpass filter width ", o.lowpass_filter_width, " is not in [1, ", kMaxWidth, "]");
  if (!(o.rolloff > 0 && o.rolloff <= 1)) fail("rolloff ", o.rolloff, " is not in (0, 1]");
  if (!(std::abs(o.beta) <= 88)) fail("beta ", o.beta, " is not in [-88, 88]");
  const double zero_crossing_frames =
      std::max(1.0, static_cast<double>(source_hz) / target_hz) / o.rolloff;
  if (2 * o.lowpass_filter_width * zero_crossing_frames > kMaxTaps)
    fail("a filter of width ", o.lowpass_filter_width, " and rolloff ", o.rolloff, " from ",
         source_hz, " Hz to ", target_hz, " Hz would be longer than ", kMaxTaps,
         " frames; a smaller width, a larger rolloff or an intermediate rate helps");
}

}  // namespace torchstreamer::audio
