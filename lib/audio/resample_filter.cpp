#include "audio/resample_filter.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>

#include "torchstreamer/error.h"

namespace torchstreamer::audio {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kMaxWidth = 1 << 16;
constexpr int64_t kMaxReducedRate = 1 << 20;
constexpr int64_t kMaxTaps = 1 << 20;
constexpr int64_t kMaxTableBytes = 16 << 20;

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  text.precision(17);
  (text << ... << parts);
  throw Error(text.str());
}

bool is_kaiser(const ResampleOptions& options) {
  return options.resampling_method == "sinc_interp_kaiser";
}

void check(int64_t source_hz, int64_t target_hz, const ResampleOptions& o) {
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

/// Returns the largest distance |k * new - j * orig| of input k and output j inside the window.
int64_t reach(int64_t orig, int64_t new_, const ResampleOptions& options) {
  const auto width = static_cast<double>(options.lowpass_filter_width * std::max(orig, new_));
  auto reach = static_cast<int64_t>(width / options.rolloff);
  while (reach * options.rolloff >= width) --reach;
  return orig == new_ ? 0 : reach;
}

/// Coefficients c of the modified Bessel function I0(x) = sum over k of c[k] * (x / 2)^(2 k) (DLMF
/// 10.25.2), as many as double precision needs for |x| <= beta. All terms are positive, so there is
/// no cancellation.
std::vector<double> i0_series(double beta) {
  std::vector<double> series = {1};
  const double z = beta * beta / 4;
  double term = 1, sum = 1;
  for (double k = 1; term > 1e-18 * sum; ++k) {
    series.push_back(series.back() / (k * k));
    term *= z / (k * k);
    sum += term;
  }
  return series;
}

double polynomial(const std::vector<double>& coefficients, double x) {
  double sum = 0;
  for (auto c = coefficients.rbegin(); c != coefficients.rend(); ++c) sum = sum * x + *c;
  return sum;
}

/// Returns sin(x) for |x| < 2^20 with an error of at most 4e-16, in arithmetic that compilers
/// vectorise: x is reduced to half a turn around zero, and Taylor's series is used there.
inline double sine(double x) {
  constexpr double kPiHigh = 0x1.921fb544p+1;  // few bits, so that its multiples are exact
  constexpr double kPiLow = 0x1.0b4611a626331p-33;
  constexpr double kRound = 0x1.8p+52;  // adding it rounds to integers
  const double half_turns = (x * (1 / kPi) + kRound) - kRound;
  const double odd = half_turns - 2 * ((half_turns * 0.5 + kRound) - kRound);  // -1, 0 or 1
  const double r = (x - half_turns * kPiHigh) - half_turns * kPiLow;
  const double r2 = r * r;
  double sum = 1;
  for (int n = 20; n > 0; n -= 2) sum = 1 - sum * r2 * (1.0 / (n * (n + 1)));
  return (1 - 2 * odd * odd) * r * sum;
}

/// Number of taps whose coefficients are computed together in vectorised loops.
constexpr int kTapsAtOnce = 8;

template <class T>
void hann_window(const T* t, T width, T* window) {
  const auto pi = static_cast<T>(kPi);
  for (int l = 0; l < kTapsAtOnce; ++l) {
    const auto cosine = static_cast<T>(sine(t[l] * pi / width / 2 + kPi / 2));
    window[l] = cosine * cosine;
  }
}

template <class T>
void kaiser_window(const T* t, T width, T beta, const std::vector<double>& series, T* window) {
  double z[kTapsAtOnce], i0[kTapsAtOnce] = {};
  for (int l = 0; l < kTapsAtOnce; ++l) {
    const T u = t[l] / width;
    const T x = beta * std::sqrt(std::max(T(0), 1 - u * u));
    z[l] = static_cast<double>(x) * x / 4;
  }
  for (auto c = series.rbegin(); c != series.rend(); ++c)
    for (int l = 0; l < kTapsAtOnce; ++l) i0[l] = i0[l] * z[l] + *c;
  for (int l = 0; l < kTapsAtOnce; ++l) window[l] = static_cast<T>(i0[l]);
}

}  // namespace

bool operator==(const ResampleOptions& a, const ResampleOptions& b) {
  return a.resampling_method == b.resampling_method &&
         a.lowpass_filter_width == b.lowpass_filter_width && a.rolloff == b.rolloff &&
         a.beta == b.beta;
}

// Products of frame counts and rates may not fit in 64 bits, so whole periods are counted
// separately.
int64_t ResampleClock::first(int64_t output) const {
  const int64_t period = floor_div(output, new_), phase = output - period * new_;
  return period * orig_ + ceil_div(phase * orig_ - reach_, new_);
}

int64_t ResampleClock::last(int64_t output) const {
  const int64_t period = floor_div(output, new_), phase = output - period * new_;
  return period * orig_ + floor_div(phase * orig_ + reach_, new_);
}

int64_t ResampleClock::total(int64_t frames) const {
  return frames / orig_ * new_ + ceil_div(frames % orig_ * new_, orig_);
}

int64_t ResampleClock::certain(int64_t frames) const {
  const int64_t outputs = frames / orig_ * new_ + ceil_div(frames % orig_ * new_ - reach_, orig_);
  return std::max<int64_t>(0, outputs);
}

template <class T>
ResampleFilter<T>::ResampleFilter(int64_t source_hz, int64_t target_hz,
                                  const ResampleOptions& options)
    : orig_((check(source_hz, target_hz, options), source_hz / std::gcd(source_hz, target_hz))),
      new_(target_hz / std::gcd(source_hz, target_hz)),
      clock_(orig_, new_, reach(orig_, new_, options)),
      is_kaiser_(is_kaiser(options)),
      width_(static_cast<T>(options.lowpass_filter_width)) {
  const double base_freq = std::min(orig_, new_) * options.rolloff;
  base_ = static_cast<T>(base_freq);
  scale_ = static_cast<T>(base_freq / orig_);
  // torchaudio computes beta and I0(beta) in float32 for every type of waveform.
  const auto beta = static_cast<float>(options.beta);
  beta_ = beta;
  i0_series_ = i0_series(beta);
  i0_beta_ = is_kaiser_ ? static_cast<float>(polynomial(i0_series_, 0.25 * beta * beta)) : 1;
  lay_out_blocks();
  fill_rows();
}

// Distance of tap `tap` from output `phase`, in zero crossings. Rounding may move the outermost
// taps across the edge of the window, so they are clamped, as in torchaudio.
template <class T>
T ResampleFilter<T>::position(int32_t phase, int32_t tap) const {
  const T t = (static_cast<T>(-phase) / new_ + static_cast<T>(tap) / orig_) * base_;
  return std::min(std::max(t, -width_), width_);
}

template <class T>
void ResampleFilter<T>::coefficients(int32_t phase, T* out) const {
  const auto pi = static_cast<T>(kPi);
  const auto last = static_cast<int32_t>(clock_.last(phase));
  for (auto tap = static_cast<int32_t>(clock_.first(phase)); tap <= last; tap += kTapsAtOnce) {
    T t[kTapsAtOnce], window[kTapsAtOnce], sinc[kTapsAtOnce];
    for (int l = 0; l < kTapsAtOnce; ++l) t[l] = position(phase, tap + l);
    if (is_kaiser_)
      kaiser_window(t, width_, beta_, i0_series_, window);
    else
      hann_window(t, width_, window);
    for (int l = 0; l < kTapsAtOnce; ++l) t[l] *= pi;
    for (int l = 0; l < kTapsAtOnce; ++l) sinc[l] = static_cast<T>(sine(t[l]));
    for (int l = 0; l < kTapsAtOnce; ++l) sinc[l] = t[l] == 0 ? T(1) : sinc[l] / t[l];
    for (int l = 0; l < kTapsAtOnce; ++l) sinc[l] *= window[l] / i0_beta_ * scale_;
    out = std::copy_n(sinc, std::min(kTapsAtOnce, last - tap + 1), out);
  }
}

// A block must not contain outputs of two periods. A short period is therefore repeated until it
// fills its blocks; in a long period the number of unused lanes is small.
template <class T>
void ResampleFilter<T>::lay_out_blocks() {
  const int64_t repeats =
      new_ < int64_t{8} * kBlockLanes ? kBlockLanes / std::gcd<int64_t>(new_, kBlockLanes) : 1;
  period_outputs_ = repeats * new_;
  period_frames_ = repeats * orig_;
  const int64_t blocks = ceil_div(period_outputs_, kBlockLanes);
  auto end_of = [&](int64_t output) { return std::min(output + kBlockLanes, period_outputs_); };
  int64_t rows = 0;
  for (int64_t output = 0; output < period_outputs_; output += kBlockLanes)
    rows = std::max(rows, clock_.last(end_of(output) - 1) - clock_.first(output) + 1);
  if (blocks * rows * static_cast<int64_t>(sizeof(Row<T>)) > kMaxTableBytes) return;
  block_rows_ = rows;
  rows_.resize(blocks * rows);
  for (int64_t output = 0; output < period_outputs_; output += kBlockLanes)
    blocks_.push_back({clock_.last(end_of(output) - 1) - rows + 1, end_of(output) - output,
                       output / kBlockLanes * rows});
}

template <class T>
void ResampleFilter<T>::fill_rows() {
  std::vector<T> coefficient(clock_.longest_taps());
  for (int64_t output = 0; output < (has_blocks() ? period_outputs_ : 0); ++output) {
    const Block& block = blocks_[output / kBlockLanes];
    Row<T>* row = &rows_[block.row_index + clock_.first(output) - block.first];
    coefficients(output % new_, coefficient.data());
    for (int64_t k = 0; k <= clock_.last(output) - clock_.first(output); ++k)
      row[k].lane[output % kBlockLanes] = coefficient[k];
  }
}

template <class T>
Timing ResampleFilter<T>::timing() const {
  if (passes_through()) return Timing::pointwise();
  auto count = [clock = clock_](const Count& in) {
    return Count{clock.certain(in.now), clock.total(in.total), in.source};
  };
  auto depends = [clock = clock_](Span out) {
    return Span{clock.first(out.first), clock.last(out.last)};
  };
  return Timing({new_, orig_}, new_, count, depends);
}

template class ResampleFilter<float>;
template class ResampleFilter<double>;

}  // namespace torchstreamer::audio
