#include "audio/interpolator.h"

#include <algorithm>
#include <utility>

namespace torchstreamer::audio {
namespace {

constexpr int64_t kOutputsAtOnce = 1024;
constexpr int32_t kNone = -1;

/// Position of an output frame. Moves to the next output without a division.
struct Cursor {
  Cursor(const ResampleClock& clock, int64_t output)
      : orig(clock.orig()),
        new_(clock.phases()),
        whole_frames(orig / new_),
        period(floor_div(output, new_)),
        phase(output - period * new_),
        tap(clock.first(phase)),
        offset(tap * new_ - phase * orig + clock.reach()) {}

  void advance() {
    tap += whole_frames;
    offset += whole_frames * new_ - orig;
    if (offset < 0) {
      ++tap;
      offset += new_;
    }
    if (++phase < new_) return;
    phase = 0;
    tap -= orig;
    ++period;
  }

  /// The first input frame of the output, from the start of the signal.
  int64_t first_frame() const { return period * orig + tap; }

  int64_t orig, new_, whole_frames;
  int64_t period;
  int64_t phase;
  int64_t tap;     // the first input frame of the output, from the start of the period
  int64_t offset;  // see InterpolatedFilter
};

}  // namespace

template <class T>
Interpolator<T>::Interpolator(int64_t cells, int64_t channels, int64_t most_frames)
    : kernels_(best_kernels<T>()),
      channels_(channels),
      plane_samples_(most_frames + kTapLanes<T>),
      planes_(channels * plane_samples_),
      frames_(kOutputsAtOnce),
      next_(kOutputsAtOnce),
      newest_(cells, kNone),
      of_cell_(kOutputsAtOnce) {}

template <class T>
void Interpolator<T>::split_channels(const T* in, int64_t frames) {
  if (channels_ == 1) std::copy_n(in, frames, planes_.data());
  for (int64_t c = 0; c < channels_ && channels_ > 1; ++c) {
    T* plane = planes_.data() + c * plane_samples_;
    for (int64_t f = 0; f < frames; ++f) plane[f] = in[f * channels_ + c];
  }
}

template <class T>
void Interpolator<T>::compute(const InterpolatedFilter<T>& filter, const T* in, int64_t begin,
                              int64_t end, T* out) {
  const ResampleClock& clock = filter.clock();
  const int64_t first = clock.first(begin);
  split_channels(in, clock.last(end - 1) + 1 - first);
  const int64_t first_tap = clock.first(0), longest_taps = clock.longest_taps();
  const int64_t extra_offset = 2 * clock.reach() % clock.phases();
  Cursor cursor(clock, begin);
  while (begin < end) {
    const int64_t count = std::min(end - begin, kOutputsAtOnce);
    for (int64_t i = 0; i < count; ++i, cursor.advance()) {
      const auto [time, cell] = filter.phase(cursor.phase);
      frames_[i] = {time, static_cast<int32_t>(cursor.tap - first_tap),
                    static_cast<int32_t>(cursor.first_frame() - first),
                    static_cast<int32_t>(longest_taps - (cursor.offset > extra_offset)),
                    static_cast<int32_t>(i)};
      next_[i] = std::exchange(newest_[cell], static_cast<int32_t>(i));
    }
    for (int64_t cell = 0; cell < filter.cells(); ++cell)
      if (newest_[cell] != kNone) compute_cell(filter, cell, out);
    out += count * channels_;
    begin += count;
  }
}

template <class T>
void Interpolator<T>::compute_cell(const InterpolatedFilter<T>& filter, int64_t cell, T* out) {
  int64_t count = 0;
  for (int32_t i = std::exchange(newest_[cell], kNone); i != kNone; i = next_[i])
    of_cell_[count++] = &frames_[i];
  const WindowedSinc<T>& sinc = filter.sinc();
  kernels_.interpolate({filter.polynomials(cell), filter.rounds_angles(), sinc.base(), sinc.kPi,
                        sinc.edge_angle(), filter.clamps_angles(), filter.tap_times(),
                        planes_.data(), channels_, plane_samples_, out, of_cell_.data(), count});
}

template class Interpolator<float>;
template class Interpolator<double>;

}  // namespace torchstreamer::audio
