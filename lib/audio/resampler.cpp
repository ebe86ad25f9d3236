#include "audio/resampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <sstream>
#include <utility>

#include "error.h"

namespace torchstreamer::audio {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kMaxWidth = 1 << 16;
constexpr int64_t kMaxReducedRate = 1 << 20;
constexpr int64_t kMaxTaps = 1 << 20;
constexpr int64_t kMaxTableBytes = 16 << 20;
constexpr int64_t kRepeatsApart = 4;
constexpr int64_t kPieceFrames = 1024;  // history and output of a piece stay in the cache

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
         "rates must be at most ", kMaxReducedRate, "; take rates with a larger common divisor");
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

/// The largest distance |k * new - j * orig| of input k and output j inside the window.
int64_t reach(int64_t orig, int64_t new_, const ResampleOptions& options) {
  const auto width = static_cast<double>(options.lowpass_filter_width * std::max(orig, new_));
  auto reach = static_cast<int64_t>(width / options.rolloff);
  while (reach * options.rolloff >= width) --reach;
  return orig == new_ ? 0 : reach;
}

/// Coefficients c of the modified Bessel function I0(x) = sum over k of c[k] * (x / 2)^(2 k) (DLMF
/// 10.25.2), as many as |x| <= beta takes in double precision. All terms are positive: no
/// cancellation.
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

/// sin(x) for |x| < 2^20 within 4e-16, in arithmetic that compilers vectorise: reduced to half a
/// turn around zero, then Taylor's series.
inline double sine(double x) {
  constexpr double kPiHigh = 0x1.921fb544p+1;  // so short that its multiples are exact
  constexpr double kPiLow = 0x1.0b4611a626331p-33;
  constexpr double kRound = 0x1.8p+52;  // adding it rounds to an integer
  const double half_turns = (x * (1 / kPi) + kRound) - kRound;
  const double odd = half_turns - 2 * ((half_turns * 0.5 + kRound) - kRound);  // -1, 0 or 1
  const double r = (x - half_turns * kPiHigh) - half_turns * kPiLow;
  const double r2 = r * r;
  double sum = 1;
  for (int n = 20; n > 0; n -= 2) sum = 1 - sum * r2 * (1.0 / (n * (n + 1)));
  return (1 - 2 * odd * odd) * r * sum;
}

/// Taps whose coefficients are computed together: loops over them vectorise.
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

/// The sum of one output frame over its own taps, with the bits that its block gives: products are
/// added up in parts that begin where those of the block do. `row`: of the first tap in the block.
template <class T>
T add_up(const T* coefficients, int64_t coefficient_stride, int64_t row, int64_t taps, const T* x,
         int64_t stride) {
  T sum = 0;
  for (int64_t k = 0; k < taps;) {
    T part = 0;
    const int64_t end = std::min(taps, k + kRowsAtOnce - (row + k) % kRowsAtOnce);
    for (; k < end; ++k) part += coefficients[k * coefficient_stride] * x[k * stride];
    sum += part;
  }
  return sum;
}

template <class T>
bool is_aligned(const void* samples) {
  return reinterpret_cast<uintptr_t>(samples) % alignof(T) == 0;
}

}  // namespace

// Products of frame counts and rates may not fit in 64 bits: whole periods are counted apart.
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
  // torchaudio holds beta, and I0 of it, in float32 for every type of waveform.
  const auto beta = static_cast<float>(options.beta);
  beta_ = beta;
  i0_series_ = i0_series(beta);
  i0_beta_ = is_kaiser_ ? static_cast<float>(polynomial(i0_series_, 0.25 * beta * beta)) : 1;
  lay_out_blocks();
  fill_rows();
}

// Where tap `tap` lies against output `phase`, in zero crossings. Rounding may carry the outermost
// taps across the edge of the window; torchaudio clamps, too.
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

// Blocks must not straddle two periods. A period of few phases is repeated until it fills its
// blocks; one of many wastes little.
template <class T>
void ResampleFilter<T>::lay_out_blocks() {
  const int64_t repeats =
      new_ < 8 * kBlockLanes ? kBlockLanes / std::gcd<int64_t>(new_, kBlockLanes) : 1;
  period_outputs_ = repeats * new_;
  period_frames_ = repeats * orig_;
  auto last_of = [&](int64_t output) {
    return clock_.last(std::min(output + kBlockLanes, period_outputs_) - 1);
  };
  for (int64_t output = 0; output < period_outputs_; output += kBlockLanes)
    block_rows_ = std::max(block_rows_, last_of(output) - clock_.first(output) + 1);
  const int64_t blocks = ceil_div(period_outputs_, kBlockLanes);
  if (blocks * block_rows_ * static_cast<int64_t>(sizeof(Row<T>)) > kMaxTableBytes) return;
  for (int64_t output = 0; output < period_outputs_; output += kBlockLanes)
    blocks_.push_back({last_of(output) - block_rows_ + 1,
                       std::min<int64_t>(kBlockLanes, period_outputs_ - output),
                       static_cast<int64_t>(blocks_.size()) * block_rows_});
  rows_.resize(blocks * block_rows_);
}

template <class T>
typename ResampleFilter<T>::Place ResampleFilter<T>::place(int64_t output) const {
  const int64_t period = output / period_outputs_;
  const int64_t index = (output - period * period_outputs_) / kBlockLanes;
  return {&blocks_[index], period * period_outputs_ + index * kBlockLanes,
          period * period_frames() + blocks_[index].first};
}

template <class T>
typename ResampleFilter<T>::Place ResampleFilter<T>::next(const Place& place) const {
  const bool is_last = place.block == &blocks_.back();
  const Block* block = is_last ? blocks_.data() : place.block + 1;
  const int64_t frames = block->first - place.block->first + (is_last ? period_frames() : 0);
  return {block, place.output + place.block->outputs, place.frame + frames};
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
  auto count = [clock = clock_](Count in) {
    return Count{clock.certain(in.now), clock.total(in.total), in.source};
  };
  auto depends = [clock = clock_](Span out) {
    return Span{clock.first(out.first), clock.last(out.last)};
  };
  return Timing({new_, orig_}, new_, count, depends);
}

// The history of a stream and the blocks of outputs that are computed next:
//
//   history_start_                                   end of the input so far
//   |-------------------------history------------------------|
//   |  |---- rows of a block ----|                           |
//   |         |---- rows of the next ----|                   |
//   |                                             |---- rows of the last -- - - - -|
//
//   (1) Input, or zeros before and after the signal, is appended to the history, converted.
//   (2) Blocks whose outputs are all certain are computed. The same block of several periods, and
//       of several channels, is one pass over its coefficients.
//   (3) The last block adds up the rows that have come. An output is certain when the missing rows
//       are zero for it, so its bits are final; the others of the block are not written.
//   (4) The next push computes the last block again for those. History before it is dropped.

template <class T>
Resampler<T>::Resampler(std::shared_ptr<const ResampleFilter<T>> filter, int64_t channels,
                        const SampleFormat& format)
    : filter_(std::move(filter)),
      kernels_(best_kernels<T>()),
      channels_(channels),
      format_(format),
      history_(channels),
      coefficients_(filter_->clock().longest_taps()),
      converted_(kPieceFrames * channels),
      apart_(kRepeatsApart * kBlockLanes * channels) {
  history_.reserve(std::max(filter_->block_rows(), filter_->clock().longest_taps()) +
                   2 * kPieceFrames);
  reset();
}

template <class T>
void Resampler<T>::reset() {
  frames_in_ = frames_out_ = 0;
  history_.clear();
  if (filter_->has_blocks()) next_ = filter_->place(0);
  history_start_ = filter_->has_blocks() ? next_.frame : filter_->clock().first(0);
  std::fill_n(history_.append(-history_start_), -history_start_ * channels_, T(0));
}

template <class T>
int64_t Resampler<T>::frames_due(int64_t frames, bool final) const {
  const ResampleClock& clock = filter_->clock();
  const int64_t frames_in = frames_in_ + frames;
  return (final ? clock.total(frames_in) : clock.certain(frames_in)) - frames_out_;
}

template <class T>
void Resampler<T>::push(const void* in, int64_t frames, bool final, void* out) {
  const auto* from = static_cast<const uint8_t*>(in);
  auto* to = static_cast<uint8_t*>(out);
  const int64_t frame_bytes = channels_ * format_.bytes();
  if (filter_->passes_through()) {
    if (frames > 0) std::memcpy(to, from, frames * frame_bytes);
    return;
  }
  const ResampleClock& clock = filter_->clock();
  while (frames > 0) {
    const int64_t piece = std::min(frames, kPieceFrames);
    read_samples(format_, from, piece * channels_, history_.append(piece));  // (1)
    from += piece * frame_bytes;
    frames -= piece;
    frames_in_ += piece;
    to = emit(clock.certain(frames_in_), to);
  }
  if (!final) return;
  for (const int64_t total = clock.total(frames_in_); frames_out_ < total;) {
    std::fill_n(history_.append(kPieceFrames), kPieceFrames * channels_, T(0));  // (1)
    const int64_t end = history_start_ + history_.frames();
    to = emit(std::min(total, clock.certain(end)), to);
  }
  reset();
}

template <class T>
uint8_t* Resampler<T>::emit(int64_t end, uint8_t* out) {
  while (frames_out_ < end) {
    const bool is_direct = is_native<T>(format_) && is_aligned<T>(out);
    const Run run = {frames_out_, is_direct ? end : std::min(end, frames_out_ + kPieceFrames),
                     is_direct ? reinterpret_cast<T*>(out) : converted_.data()};
    filter_->has_blocks() ? compute_blocks(run) : compute_frames(run);
    const int64_t samples = (run.end - run.begin) * channels_;
    if (!is_direct) write_samples(format_, run.out, samples, out);
    out += samples * format_.bytes();
    frames_out_ = run.end;
  }
  const int64_t needed = filter_->has_blocks() ? next_.frame : filter_->clock().first(end);
  const int64_t unused = std::min(history_.frames(), needed - history_start_);  // (4)
  history_.drop(unused);
  history_start_ += unused;
  return out;
}

template <class T>
void Resampler<T>::compute_blocks(const Run& run) {
  const int64_t period = filter_->period_outputs();
  const Place last = filter_->place(run.end);
  Place place = std::exchange(next_, last);
  if (place.output < run.begin && place.output < last.output) {
    compute_apart(run, place, 1);  // (2)
    place = filter_->next(place);
  }
  const int64_t stop = std::min(last.output, place.output + period);
  for (int64_t repeats = ceil_div(last.output - place.output, period); place.output < stop;
       place = filter_->next(place)) {
    if (place.output + (repeats - 1) * period >= last.output) --repeats;
    if (place.block->outputs == kBlockLanes)
      compute_whole(run, place, repeats);  // (3)
    else
      compute_apart(run, place, repeats);
  }
  if (last.output < run.end) compute_apart(run, last, 1);  // (4)
}

template <class T>
Blocks<T> Resampler<T>::blocks_at(const Run& run, const Place& place, int64_t repeats) const {
  Blocks<T> blocks;
  blocks.rows = filter_->rows(*place.block);
  blocks.row_count =
      std::min(filter_->block_rows(), history_start_ + history_.frames() - place.frame);
  blocks.channels = channels_;
  blocks.repeats = repeats;
  blocks.in = history_.data() + (place.frame - history_start_) * channels_;
  blocks.out = run.out + (place.output - run.begin) * channels_;
  blocks.in_samples = filter_->period_frames() * channels_;
  blocks.out_samples = filter_->period_outputs() * channels_;
  return blocks;
}

template <class T>
void Resampler<T>::compute_whole(const Run& run, const Place& place, int64_t repeats) {
  const Blocks<T> blocks = blocks_at(run, place, repeats);
  if (!kernels_.compute(blocks)) compute_exactly(place, {0, kBlockLanes}, blocks);
}

/// Blocks of which only some outputs are written.
template <class T>
void Resampler<T>::compute_apart(const Run& run, const Place& place, int64_t repeats) {
  Blocks<T> blocks = blocks_at(run, place, repeats);
  const int64_t first = std::max<int64_t>(0, run.begin - place.output);
  const int64_t end = std::min(place.block->outputs, run.end - place.output);
  const int64_t block_samples = kBlockLanes * channels_;
  T* out = std::exchange(blocks.out, apart_.data()) + first * channels_;
  const int64_t period_samples = std::exchange(blocks.out_samples, block_samples);
  for (; repeats > 0; repeats -= kRepeatsApart) {
    blocks.repeats = std::min(repeats, kRepeatsApart);
    if (!kernels_.compute(blocks)) compute_exactly(place, {first, end}, blocks);
    const T* apart = apart_.data() + first * channels_;
    for (int64_t r = 0; r < blocks.repeats; ++r, apart += block_samples, out += period_samples)
      std::copy_n(apart, (end - first) * channels_, out);
    blocks.in += kRepeatsApart * blocks.in_samples;
  }
}

/// Each output over its own taps only: a zero coefficient does not silence a NaN or infinity.
template <class T>
void Resampler<T>::compute_exactly(const Place& place, Lanes lanes, Blocks<T> b) const {
  const ResampleClock& clock = filter_->clock();
  const int64_t first_output = place.output % filter_->period_outputs();
  for (; b.repeats > 0; --b.repeats, b.in += b.in_samples, b.out += b.out_samples)
    for (int64_t l = lanes.begin; l < lanes.end; ++l) {
      const int64_t row = clock.first(first_output + l) - place.block->first;
      const int64_t taps = clock.last(first_output + l) - clock.first(first_output + l) + 1;
      for (int64_t c = 0; c < channels_; ++c)
        b.out[l * channels_ + c] = add_up(&b.rows[row].lane[l], kBlockLanes, row, taps,
                                          b.in + row * channels_ + c, channels_);
    }
}

template <class T>
void Resampler<T>::compute_frames(const Run& run) {
  const ResampleClock& clock = filter_->clock();
  T* out = run.out;
  for (int64_t output = run.begin; output < run.end; ++output) {
    filter_->coefficients(output % clock.phases(), coefficients_.data());
    const int64_t taps = clock.last(output) - clock.first(output) + 1;
    const T* x = history_.data() + (clock.first(output) - history_start_) * channels_;
    for (int64_t c = 0; c < channels_; ++c)
      *out++ = add_up(coefficients_.data(), 1, 0, taps, x + c, channels_);
  }
}

template class ResampleFilter<float>;
template class ResampleFilter<double>;
template class Resampler<float>;
template class Resampler<double>;

}  // namespace torchstreamer::audio
